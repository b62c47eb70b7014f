package harness

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
)

// Frontend is what translates the Dockerfile: a function in this process, an
// image, or, when empty, the frontend that is part of buildkitd.
type Frontend struct {
	// Name is for the names of subtests.
	Name  string
	Func  gwclient.BuildFunc
	Image string
}

// SolveInput is one build.
type SolveInput struct {
	Frontend Frontend
	// Dir is the build context, with the Dockerfile; or Files are its content.
	Dir   string
	Files map[string]string
	// Opts are the frontend's options: "filename", "target", "platform",
	// "build-arg:NAME", "context:NAME", "requestid", ...
	Opts map[string]string
	// CmdLine is the text after "# syntax=", as the built-in frontend hands it on.
	CmdLine string
	// DockerConfig has the logins; nil is nobody's.
	DockerConfig *DockerConfig
	Exports      []client.ExportEntry
	SourcePolicy *spb.Policy
	// NoCache rebuilds all steps; metadata may still come from the daemon's memory.
	NoCache bool
	// Session has further attachables; Inputs further named local folders.
	Session []session.Attachable
	Locals  map[string]string
	// Modify changes the options last.
	Modify func(*client.SolveOpt)
}

// Result is how a build went.
type Result struct {
	// Err is the build's own failure.
	Err      error
	Response *client.SolveResponse
	// Vertexes are the steps in the order in which they appeared, as last reported.
	Vertexes []*client.Vertex
	Warnings []*client.VertexWarning
	// Statuses are the sub-steps, such as each blob that was pulled.
	Statuses []*client.VertexStatus
	// Logs is the output of all steps.
	Logs string
}

// Vertex returns the first step whose name contains the text, or nil.
func (r *Result) Vertex(text string) *client.Vertex {
	for _, v := range r.Vertexes {
		if strings.Contains(v.Name, text) {
			return v
		}
	}
	return nil
}

// Names are the names of all steps.
func (r *Result) Names() []string {
	names := make([]string, len(r.Vertexes))
	for i, v := range r.Vertexes {
		names[i] = v.Name
	}
	return names
}

// Solve runs a build. The error is one of the harness; a build that failed is a
// Result with an Err.
func (e *Env) Solve(ctx context.Context, c *client.Client, in SolveInput) (*Result, error) {
	opt, err := e.solveOpt(in)
	if err != nil {
		return nil, err
	}
	ch := make(chan *client.SolveStatus)
	res := &Result{}
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		res.collect(ch)
	}()
	if in.Frontend.Func != nil {
		res.Response, res.Err = c.Build(ctx, *opt, "pullsafe", in.Frontend.Func, ch)
	} else {
		res.Response, res.Err = c.Solve(ctx, nil, *opt, ch)
	}
	<-collected
	e.printedResult(res)
	return res, nil
}

func (e *Env) solveOpt(in SolveInput) (*client.SolveOpt, error) {
	opt := &client.SolveOpt{
		Frontend:      "dockerfile.v0",
		FrontendAttrs: map[string]string{},
		LocalMounts:   map[string]fsutil.FS{},
		Exports:       in.Exports,
		SourcePolicy:  in.SourcePolicy,
	}
	maps.Copy(opt.FrontendAttrs, in.Opts)
	switch {
	case in.Frontend.Func != nil:
		opt.Frontend = ""
	case in.Frontend.Image != "":
		opt.Frontend = "gateway.v0"
		opt.FrontendAttrs["source"] = in.Frontend.Image
	}
	if in.CmdLine != "" {
		opt.FrontendAttrs["cmdline"] = in.CmdLine
	}
	if in.NoCache {
		opt.FrontendAttrs["no-cache"] = ""
	}
	dir := in.Dir
	if dir == "" {
		var err error
		if dir, err = e.WriteFiles(in.Files); err != nil {
			return nil, err
		}
	}
	locals := map[string]string{"context": dir, "dockerfile": dir}
	maps.Copy(locals, in.Locals)
	for name, path := range locals {
		mount, err := fsutil.NewFS(path)
		if err != nil {
			return nil, errors.Wrapf(err, "local folder %s", name)
		}
		opt.LocalMounts[name] = mount
	}
	attachables, err := in.DockerConfig.Session()
	if err != nil {
		return nil, err
	}
	opt.Session = slices.Concat(attachables, in.Session)
	if in.Modify != nil {
		in.Modify(opt)
	}
	return opt, nil
}

// collect keeps the last state of each step and all the rest, until the build
// closes the channel.
func (r *Result) collect(ch <-chan *client.SolveStatus) {
	index := map[string]int{}
	statuses := map[string]int{}
	var logs strings.Builder
	for s := range ch {
		for _, v := range s.Vertexes {
			key := v.Digest.String()
			if i, ok := index[key]; ok {
				r.Vertexes[i] = v
				continue
			}
			index[key] = len(r.Vertexes)
			r.Vertexes = append(r.Vertexes, v)
		}
		for _, st := range s.Statuses {
			key := st.Vertex.String() + " " + st.ID
			if i, ok := statuses[key]; ok {
				r.Statuses[i] = st
				continue
			}
			statuses[key] = len(r.Statuses)
			r.Statuses = append(r.Statuses, st)
		}
		r.Warnings = append(r.Warnings, s.Warnings...)
		for _, l := range s.Logs {
			logs.Write(l.Data)
		}
	}
	r.Logs = logs.String()
}
