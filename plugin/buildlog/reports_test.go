package buildlog

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

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

// misses are what explain has wrong of the reports, with the reason.
var misses = map[string]string{
	"compose1-unauth-zh: retry":       "the text is that of a token that does not reach far enough; that stale credentials were the cause, only the reporter knows",
	"push-maven-prefix: host":         "the log names neither image nor registry",
	"push-maven-prefix: image":        "the log names neither image nor registry",
	"commit-digest-public-ecr: host":  "the message names neither image nor registry",
	"commit-digest-public-ecr: image": "the message names neither image nor registry",
}

// TestReports reads the whole logs of public reports. With REPORTS set it prints what
// it says of all.
func TestReports(t *testing.T) {
	score := scores{}
	leads, failed := 0, 0
	for _, r := range corpus.Reports(t) {
		res := explain(t, r.Log, "")
		none := diagnosis.Class(r.Class) == diagnosis.NotARegistryError
		check := func(what string, ok bool) {
			miss := r.ID + ": " + what
			if _, known := misses[miss]; known {
				assert.False(t, score.add(what, ok), "is right now, remove it from the misses: %s", miss)
				return
			}
			assert.True(t, score.add(what, ok), miss)
		}
		d := first(res)
		check("class", string(d.Class) == r.Class)
		check("retry", d.AnonymousRetryCanHelp == r.Retry)
		if none {
			check("no failure", len(res.Failures) == 0)
			check("last error", res.Other.Line > 0)
		} else {
			checkReport(t, r, res, check)
			failed++
			j, ok := judged[r.ID]
			assert.True(t, ok, "not judged: %s", r.ID)
			assert.Contains(t, remedy(res), j.first, r.ID)
			if j.leads {
				leads++
			} else {
				assert.NotEmpty(t, j.why, r.ID)
			}
		}
		if os.Getenv("REPORTS") != "" {
			var b strings.Builder
			_ = res.WriteText(&b)
			t.Logf("%s\nlabels: %s %q %q retry=%v\nfix: %s\n%s\n", r.ID, r.Class, r.Host, r.Ref, r.Retry, r.Fix, b.String())
		}
	}
	for what, s := range score {
		t.Logf("%s %d/%d", what, s.right, s.all)
	}
	t.Logf("first remedy leads to the fix %d/%d", leads, failed)
	assert.GreaterOrEqual(t, float64(leads)/float64(failed), 0.7)
	assert.Len(t, judged, failed)
	for what, least := range map[string]float64{"class": 0.97, "host": 0.95, "image": 0.95, "retry": 0.97, "no failure": 1} {
		assert.GreaterOrEqual(t, float64(score[what].right)/float64(score[what].all), least, what)
	}
}

func checkReport(t *testing.T, r corpus.Report, res *Result, check func(string, bool)) {
	t.Helper()
	check("number", len(res.Failures) == max(1, len(r.Failures)))
	for i, want := range r.Failures {
		assert.True(t, sameImage(want.Ref, res.Failures[i].Ref), r.ID)
		assert.EqualValues(t, want.Class, res.Failures[i].Class, r.ID)
		assert.Equal(t, want.Host, res.Failures[i].Host, r.ID)
	}
	if len(res.Failures) == 0 {
		return
	}
	f := res.Failures[0]
	if r.Host != "" {
		check("host", f.Host == r.Host)
	}
	if r.Ref != "" {
		check("image", f.Ref != "" && sameImage(f.Ref, r.Ref))
	}
}

// remedy is the first one of a result, command and note.
func remedy(res *Result) string {
	if len(res.Failures) == 0 || len(res.Failures[0].Remedies) == 0 {
		return ""
	}
	r := res.Failures[0].Remedies[0]
	return r.Command + " " + r.Note
}

// judgement is whether the first remedy is what helped the reporter, or leads to it.
type judgement struct {
	leads bool
	first string // a part of it
	why   string // it does not
}

// judged has a row for each report of a registry failure; what helped is in the corpus.
var judged = map[string]judgement{
	"che-run-vertex-token":         {true, "build again", ""},
	"compose1-unauth-zh":           {false, "docker login HOST", "the log does not show that credentials were sent: the logout is the second remedy"},
	"ascend-403-tty":               {false, "docker logout ascendhub.example.com", "the registry refuses BuildKit's request and not dockerd's: nobody can see that in the log"},
	"gar-legacy-step":              {true, "grant it to the account that builds", ""},
	"compose-pull-wrapped":         {true, "private, renamed or removed", ""},
	"nvcr-head-401":                {false, "docker logout nvcr.io", "the login is the third: that a registry with Basic authentication got no credentials, its answer does not show"},
	"push-commit-401":              {false, "docker login HOST", "a fault of an old BuildKit"},
	"nvcr-layer-authreq":           {true, "build again", ""},
	"bake-blob-403":                {true, "build again", ""},
	"push-buildah-ghcr":            {true, "Manage Actions access", ""},
	"push-legacy-ghcr":             {true, "write:packages", ""},
	"mirror-403-rust":              {true, "registry-mirrors in daemon.json", ""},
	"skaffold-gcr-perm":            {false, "grant it to the account that builds", "skaffold passed no credentials: the login is the second remedy"},
	"podman-build-local":           {true, "build it first", ""},
	"local-image-container-driver": {true, "build it first", ""},
	"gcr-pack-denied":              {false, "grant it to the account that builds", "a fault of Google's during a migration"},
	"push-ghpkg-403":               {true, "Manage Actions access", ""},
	"push-maven-prefix":            {true, "docker login HOST", ""},
	"tilt-hub-401":                 {true, "Docker Hub may be at fault", ""},
	"push-head403":                 {true, "permissions: packages: write", ""},
	"ghpkg-nobasic-gha":            {true, "docker login docker.pkg.github.com", ""},
	"ecr-ghr-script-masked":        {true, "docker login HOST", ""},
	"push-gitea-http":              {true, `[registry."203.0.113.112:3000"] http = true`, ""},
	"stardew-garbled":              {true, "docker logout", ""},
	"nvcr-proxyauth-403":           {false, "docker logout nvcr.io", "the image is not public: the login is the third remedy, behind the pull that shows that it has to be"},
	"nixpacks-403":                 {true, "docker logout ghcr.io", ""},
	"devcontainer-407":             {true, "docker pull docker.io/docker/dockerfile:1.4", ""},
	"badmac-build":                 {true, "build again", ""},
	"dns-poison-zh":                {true, "registry mirror", ""},
	"coolify-ipv6-ts":              {true, "enable IPv6", ""},
	"handshake-quoted":             {true, "check DNS, proxy and VPN", ""},
	"badmac-zh":                    {true, "another network", ""},
	"badmac-compose1":              {true, "build again", ""},
	"mirror-reset-drawdb":          {true, "mirror", ""},
	"handshake-compose1-zh":        {true, "registry mirror", ""},
	"pull-client-proxy-dns":        {true, "behind a proxy", ""},
	"mcr-eof-zh":                   {true, "proxy", ""},
	"win-container-platform":       {true, "Windows containers", ""},
	"harbor-proxy-notfound":        {false, "check name and tag", "a fault of an old Harbor's proxy cache"},
	"reposoft-notfound":            {true, "check name and tag", ""},
	"iis-wrapped-notfound":         {true, "removed", ""},
	"wsl-traceback":                {true, `remove "credsStore"`, ""},
	"unsafe-bank-two-helpers":      {true, `remove "credsStore"`, ""},
	"wsl-cred-frontend":            {true, `remove "credsStore"`, ""},
	"vscode-credhelper-cwd":        {true, `remove "credsStore"`, ""},
	"setup-qemu-429":               {true, "docker login", ""},
	"hub429-table":                 {true, "docker login", ""},
	"hub429-buildkite-pipes":       {true, "docker login", ""},
	"hub429-pullingfromhost":       {true, "docker login", ""},
	"hub-500-pull":                 {true, "dockerstatus.com", ""},
	"hub-500-two":                  {true, "dockerstatus.com", ""},
	"commit-digest-public-ecr":     {true, "docker builder prune", ""},
	"ctr-502":                      {true, "wait and build again", ""},
	"gha-pull-action-502":          {true, "wait and build again", ""},
	"dependency-proxy-emptyvar":    {true, "a variable in it may be empty", ""},
}
