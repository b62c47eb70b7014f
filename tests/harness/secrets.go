package harness

import (
	"cmp"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pkg/errors"
)

// Secret is a text that nothing may print: a password, a token, the signature of
// a URL.
type Secret struct {
	// Name is for the message of the check.
	Name string
	// Value is the text itself. One shorter than minSecret is not looked for: it
	// cannot be told from other text.
	Value string
	// BuildKitPrints is for a value that BuildKit itself prints whichever frontend
	// builds: it is then allowed in BuildKit's own texts, which are the error of a
	// step and the log of a daemon, and nowhere else.
	BuildKitPrints bool
}

const (
	minSecret = 7 // GoodUser

	// maxPrinted bounds what is kept of the output of a test binary. What does not
	// fit cannot be checked and fails the check.
	maxPrinted = 64 << 20
)

// Places whose text is BuildKit's own.
const (
	placeStepError = "error of a step"
	placeLog       = "log of "
)

// printed is all that the programs and builds of an environment printed, and the
// secrets that none of it may hold.
type printed struct {
	mu      sync.Mutex
	file    *os.File
	size    int64
	parts   []part
	secrets []Secret
}

// part is a piece of the file and where it was printed.
type part struct {
	place string
	size  int64
}

// AddSecret has CheckSecrets look for a text. It may have been printed before.
func (e *Env) AddSecret(s Secret) {
	if len(s.Value) < minSecret {
		return
	}
	e.printed.mu.Lock()
	defer e.printed.mu.Unlock()
	e.printed.secrets = append(e.printed.secrets, s)
}

// addLogin registers a login: its user name, its password, and both as the header
// Authorization and config.json have them.
func (e *Env) addLogin(host, user, password string) {
	e.AddSecret(Secret{Name: "user name for " + host, Value: user})
	e.AddSecret(Secret{Name: "password for " + host, Value: password})
	e.AddSecret(Secret{Name: "login for " + host, Value: base64.StdEncoding.EncodeToString([]byte(user + ":" + password))})
}

// Printed keeps a text for CheckSecrets. Run and Solve keep what they see; a
// test that runs a program in another way, or reads a file that one wrote, hands
// the text over. Values in base64 are kept in both forms.
func (e *Env) Printed(place, text string) {
	e.printed.keep(e.Dir, place, text)
	if plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && len(plain) >= minSecret {
		e.printed.keep(e.Dir, place+", decoded", string(plain))
	}
}

func (p *printed) keep(dir, place, text string) {
	if len(text) < minSecret {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := int64(len(text))
	p.parts = append(p.parts, part{place, n})
	p.size += n
	if p.size > maxPrinted {
		return
	}
	if p.file == nil {
		f, err := os.Create(filepath.Join(dir, "printed"))
		if err != nil {
			p.size += maxPrinted // the check fails: it has not seen all
			return
		}
		p.file = f
	}
	if _, err := p.file.WriteString(text); err != nil {
		p.size += maxPrinted
	}
}

// printedOutput keeps what a program printed. In plain progress the errors of
// steps have lines of their own, marked with the number of the step.
func (e *Env) printedOutput(program string, out *Output) {
	name := filepath.Base(program)
	e.Printed("stdout of "+name, out.Stdout)
	var steps, rest strings.Builder
	for line := range strings.Lines(out.Stderr) {
		if isStepError(line) {
			steps.WriteString(line)
			continue
		}
		rest.WriteString(line)
	}
	e.Printed(placeStepError, steps.String())
	e.Printed("stderr of "+name, rest.String())
}

// isStepError: "#7 ERROR: ", or in raw progress all that is said of steps.
func isStepError(line string) bool {
	if strings.HasPrefix(line, `{"vertexes":`) {
		return true
	}
	rest, ok := strings.CutPrefix(line, "#")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, "0123456789"), " ERROR: ")
}

// printedResult keeps what a build told its client.
func (e *Env) printedResult(r *Result) {
	if r.Err != nil {
		e.Printed("error of a build", r.Err.Error())
	}
	for _, v := range r.Vertexes {
		e.Printed("name of a step", v.Name)
		e.Printed(placeStepError, v.Error)
	}
	for _, s := range r.Statuses {
		e.Printed("name of a sub-step", s.ID+" "+s.Name)
	}
	for _, w := range r.Warnings {
		e.Printed("warning", string(w.Short)+"\n"+w.URL)
		for _, d := range w.Detail {
			e.Printed("detail of a warning", string(d))
		}
	}
	e.Printed("output of steps", r.Logs)
	if r.Response == nil {
		return
	}
	for k, v := range r.Response.ExporterResponse {
		e.Printed("result "+k, v)
	}
}

// CheckSecrets returns an error that names each secret that was printed, and
// where. The logs of daemons count as printed.
func (e *Env) CheckSecrets() error {
	p := &e.printed
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size > maxPrinted {
		return errors.Errorf("only %d bytes of output were kept: what followed cannot be checked for secrets", maxPrinted)
	}
	find := newFinder(p.secrets)
	var found []string
	look := func(place string, text []byte) {
		for _, s := range find.in(text) {
			if !s.BuildKitPrints || place != placeStepError && !strings.HasPrefix(place, placeLog) {
				found = append(found, s.Name+" (in the "+place+")")
			}
		}
	}
	if p.file != nil {
		if _, err := p.file.Seek(0, io.SeekStart); err != nil {
			return errors.WithStack(err)
		}
		for _, part := range p.parts {
			text := make([]byte, part.size)
			if _, err := io.ReadFull(p.file, text); err != nil {
				return errors.WithStack(err)
			}
			look(part.place, text)
		}
	}
	logs, err := e.daemonLogs()
	if err != nil {
		return err
	}
	for name, text := range logs {
		look(placeLog+name, text)
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return errors.Errorf("secrets were printed:\n  %s", strings.Join(slices.Compact(found), "\n  "))
}

// daemonLogs are what the daemons printed, frontends in them too. The registries'
// own are left out: those write down each URL that they were asked for.
func (e *Env) daemonLogs() (map[string][]byte, error) {
	out := map[string][]byte{}
	paths, err := filepath.Glob(filepath.Join(e.logs, "*.log"))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".log")
		if strings.HasPrefix(name, "registry") {
			continue
		}
		if out[name], err = os.ReadFile(path); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	return out, nil
}

// finder looks for many secrets at once, by their beginnings: a registry issues
// tokens by the thousand.
type finder map[string][]Secret

func newFinder(secrets []Secret) finder {
	f := finder{}
	for _, s := range secrets {
		head := s.Value[:minSecret]
		if !slices.Contains(f[head], s) {
			f[head] = append(f[head], s)
		}
	}
	return f
}

// in returns the secrets that a text holds, each once. Where a value is
// registered twice, the stricter rule counts.
func (f finder) in(text []byte) []Secret {
	var out []Secret
	for i := 0; i+minSecret <= len(text); i++ {
		for _, s := range f[string(text[i:i+minSecret])] {
			if strings.HasPrefix(string(text[i:min(len(text), i+len(s.Value))]), s.Value) && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.SortFunc(out, func(a, b Secret) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
