package report

import (
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/util/suggest"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/resolve"
)

// maxInstruction bounds the text of an instruction in a report, in runes.
const maxInstruction = 200

// Of joins what the Dockerfile says of a reference with what became of it, which is
// nil when it was not resolved to the end. names are the stages and named contexts
// that the Dockerfile could have meant by it.
func Of(ref references.Reference, r *resolve.Resolution, names []string) Reference {
	out := Reference{
		Ref:      ref.Name,
		Written:  ref.Written,
		Platform: references.PlatformString(ref.Platform),
		Needed:   ref.Needed,
		Outcome:  outcomeOf(r),
	}
	for _, p := range ref.Positions {
		out.Positions = append(out.Positions, Position{
			File:        p.File,
			Line:        p.Line,
			Instruction: diagnosis.Clean(p.Instruction, maxInstruction),
			Stage:       p.Stage,
		})
	}
	if r != nil && r.Image != nil {
		out.Digest = r.Image.Digest.String()
	}
	if out.Outcome == Failed || out.Outcome == OKWithoutCredentials {
		c := Explain(r)
		out.Diagnosis, out.Explanation, out.Code = &c.Diagnosis, c.Headline, c.Code
	}
	if out.Outcome == Failed {
		out.pulling = r.Pulling
		if out.Hint = bareNameHint(ref, r, names); r.Unsure {
			out.Hint = wordsUnsure
		}
	}
	return out
}

// outcomeOf: under strict, what only the fallback resolved is an error of the build,
// but not of the reference.
func outcomeOf(r *resolve.Resolution) Outcome {
	switch {
	case r == nil:
		return NotChecked
	case r.FellBack() && r.Policy == nil:
		return OKWithoutCredentials
	case r.Err != nil:
		return Failed
	default:
		return OK
	}
}

// bareNameHint tells that a name without registry, tag and digest may have been
// meant as a stage or a named context. It is said of a name that is near one of
// them, and of one that Docker Hub has no image of, but not of every image there
// that could not be resolved: nobody means a stage by "FROM alpine".
func bareNameHint(ref references.Reference, r *resolve.Resolution, names []string) string {
	if len(ref.Positions) == 0 || strings.ContainsAny(ref.Written, "/:@") {
		return ""
	}
	named, err := reference.ParseNormalizedNamed(ref.Name)
	if err != nil || reference.Domain(named) != registry.DockerHub {
		return ""
	}
	near, _ := suggest.Search(ref.Written, names, false)
	if near == "" && !missing(r) {
		return ""
	}
	return sayBareName(ref.Written, ref.Name, near, names)
}

// missing tells whether Docker Hub has answered as it does for an image that does
// not exist: it gives whoever asks a token, whose scope then does not suffice.
func missing(r *resolve.Resolution) bool {
	last := r.Written
	if d, tried := r.Decisive(); tried {
		last = d
	}
	return last.Class == diagnosis.NotFound || last.Class == diagnosis.AuthRequired ||
		last.Class == diagnosis.DeniedAmbiguous && last.HTTPStatus != 403 && !last.Barred // which a proxy or a rule of the registry says
}
