package diagnosis

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	redacted = "***"
	ellipsis = "…"
)

// CodeMark begins the codes by which pullsafe knows its own conclusions in a log
// (package report). No text that was cleaned holds it: neither a registry nor a
// Dockerfile can have us print one.
const CodeMark = "[pullsafe:"

// Clean makes untrusted text safe for a terminal and short: escape sequences,
// control, bidirectional and zero-width characters are removed, white space is
// folded, secrets are redacted, URLs lose user and query, [CodeMark] its bracket.
// It returns at most limit runes, and looks at no more than 16 KiB.
func Clean(text string, limit int) string {
	text = strings.Join(strings.Fields(Printable(bound(text))), " ")
	text = strings.ReplaceAll(redact(text), CodeMark, CodeMark[1:])
	if limit <= 0 {
		return ""
	}
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:limit-1]), " ") + ellipsis
}

// Printable makes untrusted lines safe for a terminal. It drops what does not print,
// terminal sequences as a whole: the letters of a colour code are as little wanted as
// its escape. Lines, and the space within them, stay.
func Printable(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		if n := sequence(text[i:]); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		switch {
		case r == utf8.RuneError && n == 1:
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case unicode.IsSpace(r) && r != '\u0085':
			b.WriteByte(' ')
		case !unicode.IsPrint(r) || unicode.In(r, invisible...):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// invisible are letters that print as nothing, Braille's blank among them, and
// selectors that change others.
var invisible = []*unicode.RangeTable{
	unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point,
	{R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}}},
}

// sequence is the length of the terminal sequence at the start of s, or 0. An
// unterminated one takes only its introducer, so that no text can hide another.
func sequence(s string) int {
	n, kind := 0, byte(0)
	switch {
	case len(s) >= 2 && s[0] == 0x1b:
		n, kind = 2, s[1]
	case len(s) >= 2 && s[0] == 0xc2 && 0x80 <= s[1] && s[1] <= 0x9f: // C1 in UTF-8
		n, kind = 2, s[1]-0x40
	default:
		return 0
	}
	switch kind {
	case '[':
		if end := csiEnd(s[n:]); end > 0 {
			return n + end
		}
	case ']', 'P', 'X', '^', '_':
		return n + stringEnd(s[n:])
	}
	if s[0] == 0x1b && (kind >= 0x80 || kind <= 0x20) {
		return 1 // the next byte is not part of it, or parts two words
	}
	return n
}

// csiEnd is the length of a control sequence's parameters and final byte.
func csiEnd(s string) int {
	for i := 0; i < min(len(s), 64); i++ {
		switch {
		case s[i] >= 0x40 && s[i] <= 0x7e:
			return i + 1
		case s[i] < 0x20 || s[i] > 0x7e:
			return 0
		}
	}
	return 0
}

// stringEnd is the length of a control string, for example a window title.
func stringEnd(s string) int {
	for i := 0; i < min(len(s), 1024); i++ {
		switch {
		case s[i] == 0x07:
			return i + 1
		case s[i] == 0x1b, s[i] == 0xc2 && i+1 < len(s) && s[i+1] >= 0x80 && s[i+1] <= 0x9f:
			return i // its terminator, or the next sequence
		}
	}
	return 0
}

// compiled is a regular expression, once it is needed.
func compiled(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// keyNames are what a secret is called in front of it.
const keyNames = `(?:[a-z_-]*(?:password|passwd|secret|token|api_?key|apikey|signature|credential)|auth|sig|pwd)`

var (
	urlQuery = compiled("([a-zA-Z][a-zA-Z0-9+.-]*://[^\\s\"'<>`?#]*)[?#][^\\s\"'<>`]*")
	urlUser  = compiled("//[^/\\s\"'<>`]*@(sha[0-9]+:)?")
	// keyed secrets: a header, a scheme, or name=value. "token: denied" is no
	// secret, so a bare token needs "=" or the quotes of JSON, both of them: a URL in
	// quotes can end in token.
	keyedSecret = compiled(`(?i)((?:authorization|x-registry-auth)\\?["']?\s*[:=]\s*\\?["']?)(?:basic|bearer|digest|negotiate|token) ([^\s"',;\\]+)` +
		`|((?:x-registry-auth\\?["']?\s*[:=]|authorization\\?["']?\s*=|authorization\\?["']\s*:)\s*\\?["']?)([^\s"',;\\]+)` +
		`|(\bauthorization: )([^\s"',;\\]{24,})` + // shorter ones are the words of an error
		`|(\b(?:basic|bearer) )([^\s"',;=\\]{8,}=*)` +
		`|((?:\b` + keyNames + `\\?["']?=|["']` + keyNames + `\\?["']:)\s*\\?["']?)([^\s"',;&\\]+)` +
		`|(\bpassw(?:or)?d: )([^\s"',;\\]+)`)
	// cutSecret: those of keyedSecret whose value could be parted from the key at ": ".
	// A URL that ends in token": is none, nor is "authorization: server message: ...".
	cutSecret = compiled(`(?i)(authorization\\?["']?\s*[:=]\s*\\?["']?(?:basic|bearer|digest|negotiate|token) |x-registry-auth\\?["']?\s*[:=]\s*\\?["']?)([^\s"',;\\]+)` +
		`|(\\?"[a-z_-]*(?:password|passwd|secret|token|api_?key|signature|credential)\\?"\s*:\s*\\?")([^"\\]+)` +
		`|(\bpassw(?:or)?d: )([^\s"',;\\]+)`)
	// bareSecret: tokens that carry their kind in front, and JSON web tokens.
	bareSecret = compiled(`\b(?:gh[pousr]_|github_pat_|gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-|dckr_[a-z]+_|nvapi-|npm_|xox[a-z]-|AKCp|AKIA|ASIA|hvs\.|dop_v1_|eyJ)[A-Za-z0-9_./+=-]{4,}`)
	// user names: Docker Hub says whose limit is reached.
	namedUser = compiled(`(\blimit as )'[^']*'`)
)

// redact replaces secrets. Each pattern is tried only where its mark stands,
// which keeps the usual text free of regular expressions.
func redact(text string) string {
	if strings.Contains(text, "://") {
		text = urlQuery().ReplaceAllStringFunc(text, withoutQuery)
	}
	if strings.Contains(text, "//") && strings.Contains(text, "@") {
		text = urlUser().ReplaceAllStringFunc(text, func(s string) string {
			if !strings.HasSuffix(s, "@") {
				return s // a digest
			}
			return "//"
		})
	}
	text = redactSecrets(text, keyedSecret)
	if strings.Contains(text, "limit as '") {
		text = namedUser().ReplaceAllString(text, "${1}'"+redacted+"'")
	}
	return text
}

// keyWords and secretStarts stand in every text that the patterns match.
var (
	keyWords     = []string{"auth", "basic ", "bearer ", "passw", "secret", "token", "key", "sig", "credential", "pwd"}
	secretStarts = []string{
		"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "gl", "dckr_", "nvapi-", "npm_", "xox", "akcp", "akia", "asia", "hvs.", "dop_v1_", "eyj",
	}
)

func redactSecrets(text string, keyed func() *regexp.Regexp) string {
	low := lower(text)
	if containsAny(low, keyWords) {
		text = redactKeyed(keyed(), text)
	}
	if containsAny(low, secretStarts) {
		text = bareSecret().ReplaceAllString(text, redacted)
	}
	return text
}

// withoutQuery keeps the punctuation behind a URL: it belongs to the sentence.
func withoutQuery(s string) string {
	head := s[:strings.IndexAny(s, "?#")]
	for _, end := range []string{":", ",", ";", ")", "."} {
		if strings.HasSuffix(s, end) {
			return strings.TrimSuffix(head, end) + end
		}
	}
	return head
}

func redactKeyed(re *regexp.Regexp, text string) string {
	var b strings.Builder
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
		for g := 2; g+3 < len(m); g += 4 {
			if m[g] < 0 {
				continue
			}
			value := text[m[g+2]:m[g+3]]
			if strings.Trim(value, "*"+ellipsis) == "" {
				continue // redacted before, perhaps cut
			}
			b.WriteString(text[last:m[g+1]])
			b.WriteString(redacted)
			last = m[1]
		}
	}
	b.WriteString(text[last:])
	return b.String()
}
