package buildlog

import (
	"os"
	"strings"
	"testing"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/internal/corpus"
)

// scores counts what is right.
type scores map[string]*struct{ right, all int }

func (s scores) add(what string, ok bool) bool {
	if s[what] == nil {
		s[what] = new(struct{ right, all int })
	}
	s[what].all++
	if ok {
		s[what].right++
	}
	return ok
}

func TestReports(t *testing.T) {
	score := scores{}
	for _, r := range corpus.Reports(t) {
		res := explain(t, r.Log, "")
		var wrong []string
		miss := func(what string, ok bool) {
			if !score.add(what, ok) {
				wrong = append(wrong, what)
			}
		}
		none := diagnosis.Class(r.Class) == diagnosis.NotARegistryError
		d := first(res)
		miss("class", string(d.Class) == r.Class)
		miss("retry", d.AnonymousRetryCanHelp == r.Retry)
		if none {
			miss("none", len(res.Failures) == 0)
		} else {
			miss("number", len(res.Failures) == max(1, len(r.Failures)))
			if r.Host != "" {
				miss("host", d.Host == r.Host)
			}
			if r.Ref != "" {
				ref := ""
				if len(res.Failures) > 0 {
					ref = res.Failures[0].Ref
				}
				miss("image", ref != "" && sameImage(ref, r.Ref))
			}
		}
		if len(wrong) > 0 || os.Getenv("ALL") != "" {
			var b strings.Builder
			_ = res.WriteText(&b)
			t.Logf("%s: %s\nlabels: %s %q %q retry=%v\nfix: %s\n%s\n", r.ID, strings.Join(wrong, ", "), r.Class, r.Host, r.Ref, r.Retry, r.Fix, b.String())
		}
	}
	for what, s := range score {
		t.Logf("%s %d/%d", what, s.right, s.all)
	}
}
