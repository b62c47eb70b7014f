package sources

import (
	"context"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/references"
)

const (
	defaultDockerfile = "Dockerfile"
	stdinName         = "-"

	// maxDockerfile bounds a file that is read: far more than any Dockerfile.
	maxDockerfile = 16 << 20
	// maxNamesOf bounds the Dockerfiles whose stages an image is compared with.
	maxNamesOf = 16
)

// Set is the references of everything that was named, each once.
type Set struct {
	in    Input
	refs  []references.Reference
	index map[string]int
	// places are those of each of refs.
	places []map[place]struct{}
	// dockerfiles are what was collected of each Dockerfile, by reference: ONBUILD
	// triggers are looked up in those that have the base.
	dockerfiles map[string][]*references.Set
}

func newSet(in Input) *Set {
	return &Set{in: in, index: map[string]int{}, dockerfiles: map[string][]*references.Set{}}
}

// place is where a reference is named.
type place struct {
	file string
	line int
}

// build is one build of a Dockerfile.
type build struct {
	label      string // target or service; empty for a Dockerfile given as such
	dockerfile string // its file
	inline     string // its text, if there is no file
	target     string
	args       map[string]string
	contexts   references.Contexts
	platforms  []ocispecs.Platform
}

// All are the references, in the order in which they were found.
func (s *Set) All() []references.Reference { return slices.Clone(s.refs) }

// Names are the stages and contexts of the Dockerfiles that name ref.
func (s *Set) Names(ref references.Reference) []string {
	dockerfiles := s.dockerfiles[ref.Key()]
	if len(dockerfiles) == 1 {
		return dockerfiles[0].Names
	}
	var out []string
	for _, d := range dockerfiles[:min(len(dockerfiles), maxNamesOf)] {
		out = append(out, d.Names...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// OnBuild adds the images that the triggers of a resolved base name.
func (s *Set) OnBuild(ctx context.Context, base references.Reference, triggers []string) []references.Reference {
	if len(triggers) == 0 {
		return nil
	}
	var fresh []references.Reference
	for _, d := range s.dockerfiles[base.Key()] {
		for _, r := range d.OnBuild(ctx, base, triggers) {
			if len(s.refs) < references.MaxReferences && s.add(r) {
				fresh = append(fresh, r)
			}
		}
	}
	return fresh
}

// add reports whether the reference is new; one that is known gets its places.
func (s *Set) add(r references.Reference) bool {
	i, ok := s.index[r.Key()]
	positions := r.Positions
	if !ok {
		i = len(s.refs)
		s.index[r.Key()] = i
		r.Positions = nil
		s.refs, s.places = append(s.refs, r), append(s.places, map[place]struct{}{})
	}
	known := &s.refs[i]
	known.Needed = known.Needed || r.Needed
	for _, p := range positions {
		at := place{p.File, p.Line}
		if _, ok := s.places[i][at]; !ok {
			s.places[i][at] = struct{}{}
			known.Positions = append(known.Positions, p)
		}
	}
	return !ok
}

// addName adds an image that was named as such.
func (s *Set) addName(name string) error {
	return s.addImage(name, s.in.Platforms, nil)
}

func (s *Set) addImage(name string, on []ocispecs.Platform, positions []references.Position) error {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return errors.Wrapf(err, "%q is neither a folder nor an image", name)
	}
	if len(on) == 0 {
		on = []ocispecs.Platform{hostPlatform()}
	}
	for _, p := range on {
		s.add(references.Reference{
			Name: reference.TagNameOnly(named).String(), Written: name, Platform: &p, Needed: true, Positions: positions,
		})
	}
	return nil
}

// addDockerfile adds the images of a Dockerfile and that of its frontend. The
// options of the command line are those of a build that has none of its own.
func (s *Set) addDockerfile(ctx context.Context, b build, stdin io.Reader) error {
	if b.label == "" {
		b.target, b.args, b.contexts = s.in.Target, s.in.BuildArgs, references.Contexts{}
		for k, v := range s.in.BuildContexts {
			b.contexts[contextKey(k)] = v
		}
	}
	if len(s.in.Platforms) > 0 {
		b.platforms = s.in.Platforms
	}
	dt, err := b.read(stdin)
	if err != nil {
		return err
	}
	opt := references.Options{
		Filename: b.name(), Target: b.target, BuildArgs: maps.Clone(b.args), Contexts: b.contexts,
		BuildPlatform: hostPlatform(), TargetPlatforms: b.platforms, MultiPlatform: len(b.platforms) > 1,
	}
	syntax, other := references.Syntax(dt, opt)
	if other {
		s.add(syntax)
	}
	collected, err := references.Collect(ctx, dt, opt)
	if err != nil {
		if other && !readsDockerfiles(syntax.Name) {
			return nil // a file in another language, which only its frontend knows
		}
		return errors.Wrap(err, b.title())
	}
	if collected.Incomplete {
		return errors.Errorf("%s is too long, or names too many images, to be checked", b.title())
	}
	for _, r := range collected.References {
		s.dockerfiles[r.Key()] = append(s.dockerfiles[r.Key()], collected)
		s.add(r)
	}
	return nil
}

// readsDockerfiles: a frontend of a known name is for Dockerfiles, so that an
// error in one is an error.
func readsDockerfiles(name string) bool {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return false
	}
	return slices.Contains([]string{"docker/dockerfile", "docker/dockerfile-upstream", "org/pullsafe"}, reference.Path(named))
}

func (b *build) name() string {
	switch {
	case b.inline != "":
		return b.label + " (inline)"
	case b.dockerfile == stdinName:
		return "(standard input)"
	default:
		return b.dockerfile
	}
}

func (b *build) title() string {
	if b.label == "" || b.inline != "" {
		return b.name()
	}
	return b.label + ": " + b.name()
}

func (b *build) read(stdin io.Reader) ([]byte, error) {
	if b.inline != "" {
		return []byte(b.inline), nil
	}
	in := stdin
	if b.dockerfile != stdinName {
		f, err := os.Open(b.dockerfile)
		if err != nil {
			return nil, errors.Wrap(err, b.title())
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	if in == nil {
		return nil, errors.New("standard input is not available")
	}
	dt, err := io.ReadAll(io.LimitReader(in, maxDockerfile+1))
	if err != nil {
		return nil, errors.Wrap(err, b.title())
	}
	if len(dt) > maxDockerfile {
		return nil, errors.Errorf("%s is larger than %d MB: not a Dockerfile", b.title(), maxDockerfile>>20)
	}
	return dt, nil
}

// ParsePlatforms reads the values of --platform.
func ParsePlatforms(values []string) ([]ocispecs.Platform, error) {
	var out []ocispecs.Platform
	for _, v := range values {
		p, err := platforms.Parse(v)
		if err != nil {
			return nil, errors.Wrapf(err, "--platform %s", v)
		}
		p = platforms.Normalize(p)
		if !slices.ContainsFunc(out, func(q ocispecs.Platform) bool { return platforms.FormatAll(q) == platforms.FormatAll(p) }) {
			out = append(out, p)
		}
	}
	return out, nil
}
