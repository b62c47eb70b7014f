package diagnosis

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/org/pullsafe/internal/corpus"
)

func TestClean(t *testing.T) {
	for _, tc := range []struct{ name, in, out string }{
		{"plain", "denied: denied", "denied: denied"},
		{"colours", "\x1b[31mdenied\x1b[0m: \u009b1mno", "denied: no"},
		{"title", "a\x1b]0;evil title\x07b\x1b]8;;https://x\x1b\\c", "abc"},
		{"unterminated", "a\x1b[", "a"},
		{"control", "a\x00\x08\x7fb\rc\n\n d\te", "ab c d e"},
		{"bidi and zero width", "a\u202eb\u2066c\u200bd\ufeffe\u00adf\u061cg", "abcdefg"},
		{"line separators", "a\u2028b\u2029c", "a b c"},
		{"not UTF-8", "a\xff\xfeb", "ab"},
		{"other scripts stay", "Доступ запрещён 拒否", "Доступ запрещён 拒否"},
		{"query", "GET https://ghcr.io/token?scope=a&service=b: 403 Forbidden", "GET https://ghcr.io/token: 403 Forbidden"},
		{"signed URL", `Get "https://cdn.example.com/b/data?verify=17-abc%3D&X-Amz-Signature=ff": EOF`, `Get "https://cdn.example.com/b/data": EOF`},
		{"user in URL", "https://me:pw@reg.example.com/v2/", "https://reg.example.com/v2/"},
		{"digest is no user", "docker-image://alpine@sha256:abc", "docker-image://alpine@sha256:abc"},
		{"authorization", `Authorization: Basic bWU6cHc=, x`, `Authorization: ***, x`},
		{"bearer", `sent Bearer abcdefghijklmnop.q`, `sent Bearer ***`},
		{"realm is no secret", `need: Basic realm="GitHub Package Registry"`, `need: Basic realm="GitHub Package Registry"`},
		{"json", `{"access_token":"abc","password": "x"}`, `{"access_token":"***","password": "***"}`},
		{"token phrase stays", "failed to fetch oauth token: denied", "failed to fetch oauth token: denied"},
		{"password phrase stays", "unauthorized: incorrect username or password", "unauthorized: incorrect username or password"},
		{"a URL that ends in token", `Post "https://ghcr.io/token": the token service redirects to another host`, `Post "https://ghcr.io/token": the token service redirects to another host`},
		{"escaped JSON", `{\"refresh_token\":\"abc\"}`, `{\"refresh_token\":\"***\"}`},
		{
			"authorization phrase stays", "repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
			"repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
		},
		{"github token", "with ghp_abcdefghijklmnop0123 given", "with *** given"},
		{"jwt", "eyJhbGciOi.eyJzdWIi.sig", "***"},
		{"hub user", "rate limit as 'bob': dckr_jti_abcd.", "rate limit as '***': ***"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Clean(tc.in, 200)
			assert.Equal(t, tc.out, got)
			assert.Equal(t, got, Clean(got, 200))
		})
	}
	assert.Equal(t, "abc…", Clean("abcdef", 4))
	assert.Equal(t, "аб…", Clean("абвг", 3))
	assert.Empty(t, Clean("abc", 0))
}

func checkClean(t *testing.T, in string, limit int) {
	t.Helper()
	out := Clean(in, limit)
	assert.True(t, utf8.ValidString(out))
	assert.LessOrEqual(t, utf8.RuneCountInString(out), limit)
	for _, r := range out {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			t.Errorf("%U in %q", r, out)
		}
	}
	if again := Clean(out, limit); again != out {
		t.Errorf("not idempotent: %q, then %q", out, again)
	}
}

func FuzzClean(f *testing.F) {
	for _, m := range corpus.Messages {
		f.Add(m.Text, 40)
	}
	f.Add("\x1b[31mAuthorization: Bearer abcdefghijk\u202e", 20)
	f.Add("https://u:p@h/x?y#z password=secret 'as'", 12)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		if limit < 0 || limit > 4096 {
			limit = 100
		}
		checkClean(t, in, limit)
	})
}

func FuzzDiagnose(f *testing.F) {
	for _, m := range corpus.Messages {
		f.Add(m.Ref, m.Text)
	}
	f.Add("0", "\xf2fAiled to fetCh oAuth token") // not UTF-8: lowering must keep the length
	f.Fuzz(func(t *testing.T, ref, text string) {
		d := Diagnose(ref, text)
		assert.Contains(t, allClasses, d.Class)
		checkClean(t, d.Message, maxMessage)
		if out := Clean(d.Message, maxMessage); out != d.Message {
			t.Errorf("message not clean: %q", d.Message)
		}
		if d.AnonymousRetryCanHelp {
			assert.Contains(t, []Class{CredentialsRejected, DeniedAmbiguous, CredentialHelper}, d.Class)
		}
	})
}

var allClasses = []Class{
	CredentialsRejected, AuthRequired, DeniedAmbiguous, CredentialHelper, RateLimited, NotFound, NoMatchingPlatform,
	NetworkFailure, TLSFailure, RegistryOutage, PolicyDenied, InvalidReference, Canceled, NotARegistryError,
}
