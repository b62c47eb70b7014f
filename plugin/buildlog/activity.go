package buildlog

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
)

// doing is what somebody was at when a failure came.
type doing byte

const (
	nothing doing = iota
	resolving
	pulling        // content
	pushing        // an image
	exportingCache // which is a push, too
	importingCache // without which a build goes on
)

// activity is what a step, a client or a daemon was at, and with which image. A failure
// that does not say which image it is about is about that of the nearest activity.
type activity struct {
	doing doing
	image string // as the log names it, "" if it does not
	// content: some of the image came or went already, so that access to it was given.
	content bool
}

func (a activity) pushes() bool { return a.doing == pushing || a.doing == exportingCache }

// about is a diagnosis with what the activity tells besides: who writes needs other
// permissions than who reads, and what was given before is not denied for good.
func (a activity) about(d diagnosis.Diagnosis) diagnosis.Diagnosis {
	d.Push = d.Push || a.pushes()
	if a.doing == pulling && a.content && d.Detail == "" &&
		(d.Class == diagnosis.DeniedAmbiguous || d.Class == diagnosis.AuthRequired) {
		d.Detail, d.AnonymousRetryCanHelp = diagnosis.AfterAccess, false
	}
	return d
}

// maxSince bounds the lines between an activity of a client and a failure of it.
const maxSince = 2000

// clientForms are the lines by which clients and daemons say what they begin. The
// first group that matched is the image.
var clientForms = []struct {
	mark  string // in each such line
	doing doing
	form  *lazy
}{
	{"locally", pulling, expr(`Unable to find image '([^']+)' locally`)},
	{"Trying to pull ", pulling, expr(`Trying to pull (?:repository )?(\S+?)(?: ?\.\.\.|$)`)},
	{" pull ", pulling, expr(`\b(?:docker|podman|nerdctl|buildah|crictl|ctr|docker-compose)(?:\.exe)?"?(?: +-\S+| image| images| i| k8s\.io)* pull(?: +-\S+)* +(?:image=)?\\?["']?([^\s"'|;&)\\-][^\s"'|;&)\\]*)`)},
	{" push ", pushing, expr(`\b(?:docker|podman|nerdctl|buildah|crane)(?:\.exe)?"?(?: image)? push(?: +-\S+)* +\\?["']?([^\s"'|;&)\\-][^\s"'|;&)\\]*)`)},
	{"The push refers to ", pushing, expr(`The push refers to (?:a )?repository \[([^\]]+)\]`)},
	{"Pushing ", pushing, expr(`^\s*Pushing (?:image to |[\w.-]+ \()([^\s)]+?):?(?:\)|\.\.\.|$)`)},
	{"Pulling ", pulling, expr(`^\s*Pulling [\w.-]+ \(([^\s)]+?):?\)\.\.\.`)},
	{"Pulling ", pulling, expr(`\bPulling (?:docker )?image:? ["']?([^\s"']+[/:][^\s"']+?)["']?\.*(?: |$)`)},
	{"pulling image ", pulling, expr(`\bpulling image (\S+[/:]\S+)`)},
	{"Pull down action image ", pulling, expr(`Pull down action image '([^']+)'`)},
	{"Retrieving image ", pulling, expr(`Retrieving image (?:manifest )?(\S+)`)},
	{"imageName=", pulling, expr(`\bimageName=([^\s,)]+)`)},
	{"resolv", pulling, expr(`^(\S+/\S+):\s+resolv(?:ed|ing)\s+\|`)},
	{"Image ", pulling, expr(`^\s*(?:[✘x!⠿⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] )?Image (\S+[/:]\S+) +(?:Pulling|Error|Interrupted|Warning)\b`)},
}

// clientMarks are in all lines that client looks at.
var clientMarks = func() *phrases {
	list := append([]string{"Pulling from ", " build", "Status: ", "Successfully "}, contentMarks...)
	for _, f := range clientForms {
		list = append(list, f.mark)
	}
	return newPhrases(false, list...)
}()

// lazy is an expression that is compiled once it is needed.
type lazy struct{ get func() *regexp.Regexp }

func expr(text string) *lazy {
	return &lazy{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

// pullingFrom is dockerd's "TAG: Pulling from REPOSITORY", which leaves out the host.
var pullingFrom = expr(`^([\w.-]+): Pulling from (\S+)$`)

// buildPush is a build that pushes: the image of a push that its error does not name.
var (
	buildTag = expr(`(?: -t|--tag)[ =]["']?([^\s"'$]+)`)
	cacheRef = expr(`--cache-to[ =]\S*\bref=([^\s"',$]+)`)
)

// endings end what a client was at, with success.
var endings = []string{"Status: Downloaded newer image for ", "Status: Image is up to date for ", "Successfully tagged "}

// contentMarks are in dockerd's lines of a layer of which something came or went.
var contentMarks = []string{": Pull complete", ": Downloading", ": Download complete", ": Extracting", ": Pushed"}

// client follows what clients and daemons say of what they do.
func (s *scanner) client(text string, no int) {
	text = text[:min(len(text), maxForm)]
	if !clientMarks.in(text) {
		return
	}
	if strings.Contains(text, "Pulling from ") {
		if m := pullingFrom.get().FindStringSubmatch(text); m != nil {
			s.pullsFrom(m[2]+":"+m[1], no)
			return
		}
	}
	if strings.Contains(text, " build") && strings.Contains(text, "-") {
		s.buildCommand(text)
	}
	for _, f := range clientForms {
		if !strings.Contains(text, f.mark) {
			continue
		}
		if m := f.form.get().FindStringSubmatch(text); m != nil {
			if image := imageName(m[1]); image != "" {
				s.now, s.since = activity{doing: f.doing, image: strings.Clone(image)}, no
				return
			}
		}
	}
	s.progressed(text)
}

// progressed follows how far a client has come.
func (s *scanner) progressed(text string) {
	starts := func(e string) bool { return strings.HasPrefix(text, e) }
	switch {
	case slices.ContainsFunc(endings, starts):
		s.now = activity{}
	case s.now.doing != nothing && slices.ContainsFunc(contentMarks, func(m string) bool { return strings.Contains(text, m) }):
		s.now.content = true
	}
}

// pullsFrom completes the name that dockerd leaves out the host of, by that of the
// command before.
func (s *scanner) pullsFrom(name string, no int) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return
	}
	if before, err := reference.ParseNormalizedNamed(s.now.image); err == nil && s.now.image != "" && reference.Path(before) == reference.Path(named) {
		name = s.now.image
	}
	if image := imageName(name); image != "" {
		s.now, s.since = activity{doing: pulling, image: strings.Clone(image)}, no
	}
}

// buildCommand keeps where a build is to push to.
func (s *scanner) buildCommand(text string) {
	if strings.Contains(text, "--push") || strings.Contains(text, "push=true") {
		if m := buildTag.get().FindStringSubmatch(text); m != nil {
			s.target = strings.Clone(imageName(m[1]))
		}
	}
	if m := cacheRef.get().FindStringSubmatch(text); m != nil {
		s.cache = strings.Clone(imageName(m[1]))
	}
}

// vertex is a step of BuildKit.
type vertex struct {
	name string
	at   activity
}

func newVertex(name string) *vertex {
	name = strings.Clone(name[:min(len(name), maxStep)])
	v := &vertex{name: name, at: stepActivity(name)}
	v.detail(name) // of a log that begins in the middle of the step
	return v
}

// stepActivity is what a step is at, by its name.
func stepActivity(name string) activity {
	image := stepImage(name)
	switch {
	case strings.Contains(name, "importing cache manifest from "):
		return activity{doing: importingCache, image: image}
	case strings.HasPrefix(name, "exporting ") && strings.Contains(name, "cache"):
		return activity{doing: exportingCache}
	case strings.HasPrefix(name, "exporting to "):
		return activity{doing: pushing}
	case strings.Contains(name, "load metadata for "), strings.Contains(name, "resolve image config for "):
		return activity{doing: resolving, image: image}
	case image != "":
		return activity{doing: pulling, image: image, content: true}
	}
	return activity{}
}

// auth takes a step like "[auth] NAME:pull,push token for HOST": what a later push
// goes to.
func (s *scanner) auth(name string) {
	rest, ok := strings.CutPrefix(name, "[auth] ")
	if !ok {
		return
	}
	scope, host, ok := strings.Cut(rest, " token for ")
	repository, actions, ok2 := strings.Cut(scope, ":")
	if !ok || !ok2 || !strings.Contains(actions, "push") || s.target != "" {
		return
	}
	if image := imageName(registry.Canonical(host) + "/" + repository); image != "" {
		s.target = strings.Clone(image)
	}
}

// detail takes what a step says of its progress: "pushing manifest for REF@DIGEST".
func (v *vertex) detail(text string) {
	if v.at.doing == nothing && strings.HasPrefix(text, "pushing ") {
		v.at.doing = pushing
	}
	for _, p := range []string{"pushing manifest for ", "pulling image "} {
		if rest, ok := strings.CutPrefix(text, p); ok {
			name, _, _ := strings.Cut(strings.TrimSpace(rest), "@")
			if image := imageName(name); image != "" {
				v.at.image = strings.Clone(image)
			}
		}
	}
}

// completed gives a push and an export the image that the log names elsewhere.
func (s *scanner) completed(a activity) activity {
	switch {
	case a.image != "":
	case a.doing == pushing:
		a.image = s.target
	case a.doing == exportingCache:
		a.image = cmp.Or(s.cache, s.target)
	}
	return a
}

// current is what a client is at, as long as it says nothing else.
func (s *scanner) current(no int) activity {
	if no-s.since > maxSince {
		return activity{}
	}
	return s.now
}
