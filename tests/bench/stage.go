package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"

	"github.com/org/pullsafe/tests/harness"
)

const (
	maxHosts = 20
	maxRefs  = 100
)

// stage is what every case is measured on.
type stage struct {
	env        *harness.Env
	daemon     *harness.Buildkitd
	client     *client.Client
	registries []*harness.Registry
	stale      *harness.DockerConfig
	good       *harness.DockerConfig
	frontends  []frontendImage
	serial     int // of the repositories' prefix
}

// frontendImage is one of the two that are compared.
type frontendImage struct {
	name, image, binary string
}

func newStage(ctx context.Context, env *harness.Env) (*stage, error) {
	s := &stage{env: env}
	local, err := env.StartRegistry(ctx, harness.RegistryOpt{Mode: harness.ModeOpen})
	if err != nil {
		return nil, err
	}
	if _, err := env.PushUpstreamFrontend(ctx, local, "docker/dockerfile:1"); err != nil {
		return nil, err
	}
	if _, err := env.PushFrontend(ctx, local, "org/pullsafe:latest"); err != nil {
		return nil, err
	}
	binary, err := env.BuildBinary(ctx, "./cmd/pullsafe-frontend")
	if err != nil {
		return nil, err
	}
	s.frontends = []frontendImage{
		{"upstream", local.Addr + "/docker/dockerfile:1", env.Tools.Path(harness.ToolFrontend)},
		{"pullsafe", local.Addr + "/org/pullsafe:latest", binary},
	}
	if err := s.startRegistries(ctx); err != nil {
		return nil, err
	}
	if s.daemon, err = env.StartBuildkitd(ctx, harness.BuildkitdOpt{}); err != nil {
		return nil, err
	}
	if s.client, err = s.daemon.Client(ctx); err != nil {
		return nil, err
	}
	env.OnClose("client", func(context.Context) error { return s.client.Close() })
	return s, nil
}

// startRegistries starts the hosts with the images that a case asks them for.
func (s *stage) startRegistries(ctx context.Context) error {
	var hosts []string
	logins := map[string]harness.Login{}
	for h := range maxHosts {
		host := hostName(h)
		reg, err := s.env.StartRegistry(ctx, harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeToken})
		if err != nil {
			return err
		}
		s.registries = append(s.registries, reg)
		hosts = append(hosts, host)
		logins[host] = harness.Good
		for i := range maxRefs {
			if !slices.ContainsFunc(allSizes, func(s size) bool { return i < s.refs && i%s.hosts == h }) {
				continue
			}
			img := harness.Image{Files: map[string]string{"/f": fmt.Sprintf("%d %d\n", h, i)}}
			if _, err := reg.Push(ctx, imageName(i), img); err != nil {
				return err
			}
		}
	}
	var err error
	if s.stale, err = s.env.StaleLogin(hosts...); err != nil {
		return err
	}
	s.good, err = s.env.DockerConfig(harness.DockerConfigOpt{Auths: logins})
	return err
}

func hostName(i int) string  { return fmt.Sprintf("registry-%d.test", i) }
func imageName(i int) string { return fmt.Sprintf("image-%d:1", i) }

var prefixPattern = regexp.MustCompile(`^/v2/(?:private-)?round-[0-9]+/`)

// answerAfter delays every answer and lets each image be reached below any
// prefix round-N/: for the client another repository with a token of its own,
// about which the daemon remembers nothing.
func answerAfter(latency time.Duration) harness.Fault {
	delay := harness.FaultDelay(latency)
	return func(w http.ResponseWriter, req *http.Request) bool {
		if latency > 0 {
			delay(w, req)
		}
		req.URL.Path = prefixPattern.ReplaceAllString(req.URL.Path, "/v2/")
		return false
	}
}

// nextPrefix is one that no build has used.
func (s *stage) nextPrefix() string {
	s.serial++
	return fmt.Sprintf("round-%d/", s.serial)
}

// stepsOf is the number of steps beside each image.
func stepsOf(kind string) int {
	if kind == kindSteps || kind == kindRefusedSteps {
		return 10
	}
	return 0
}

// dockerfile needs every reference. The first is private if the case is to fail.
func (c benchCase) dockerfile(prefix string) string {
	var b strings.Builder
	b.WriteString("FROM scratch\n")
	for i := range c.refs {
		p := prefix
		if c.kind == kindError && i == 0 {
			p = "private-" + prefix
		}
		fmt.Fprintf(&b, "COPY --from=%s/%s%s /f /f%d\n", hostName(i%c.hosts), p, imageName(i), i)
		for n := range stepsOf(c.kind) {
			fmt.Fprintf(&b, "WORKDIR /d%d/%d\n", i, n)
		}
	}
	return b.String()
}

// requests is how many the registries have seen, and of these the exchanges of a
// login for a token that were refused. One that is answered 405 is none: as at
// ghcr.io, the client asks by POST first, with a good login too.
func (s *stage) requests() (all, refused int) {
	for _, reg := range s.registries {
		seen := reg.Requests()
		all += len(seen)
		refused += len(seen.Tokens().WithCredentials().Where(func(r harness.Request) bool { return r.Status == http.StatusForbidden }))
	}
	return all, refused
}

func (s *stage) resetRequests() {
	for _, reg := range s.registries {
		reg.ResetRequests()
	}
}

func (s *stage) setFault(f harness.Fault) {
	for _, reg := range s.registries {
		reg.SetFault(f)
	}
}
