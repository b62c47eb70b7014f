package buildlog

import (
	"cmp"
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/plugin/buildlog/lines"
)

// maxMessage is the length up to which a text may be one message, in bytes:
// what frontend/diagnosis looks at.
const maxMessage = 16 << 10

// Options of Explain.
type Options struct {
	// Ref is the image that the text is about, where it does not say so itself.
	Ref string
}

// Result is what a text says.
type Result struct {
	Failures []Failure
	// More is the number of errors that were not kept, or not looked at.
	More int
	// Other is the last error of the text, where no registry failed.
	Other Failure
	// Lines and Bytes are the size of the text.
	Lines int
	Bytes int64
}

// Explain reads a build log or an error message to its end. Its memory does not
// depend on the length of the text or of its lines.
func Explain(ctx context.Context, r io.Reader, opt Options) (*Result, error) {
	counted := &contextReader{ctx: ctx, r: r}
	in := lines.NewReader(counted)
	found := newCollection()
	s := newScanner(found, opt.Ref)
	var head strings.Builder
	res := &Result{}
	for {
		line, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if head.Len() <= maxMessage {
			head.WriteString(line.Text + "\n")
		}
		s.feed(line.Text, line.No)
	}
	res.Lines = in.Count()
	s.flush()
	res.Bytes, res.Failures, res.More = counted.n, found.failures(), found.more
	if !s.shaped && head.Len() <= maxMessage {
		res.asMessage(strings.TrimSuffix(head.String(), "\n"), opt.Ref)
	}
	if len(res.Failures) == 0 && found.canceled != nil {
		res.Failures = []Failure{*found.canceled}
	}
	res.Other = s.last.failure()
	return res, nil
}

// maxMessageLines bounds the lines of a text that may be one message.
const maxMessageLines = 16

// asMessage explains a short text that has nothing of a log, and no line that is an
// error, as the one error that a terminal or a mail has folded.
func (r *Result) asMessage(text, ref string) {
	if len(r.Failures) > 0 || strings.Count(text, "\n") > maxMessageLines {
		return
	}
	d := diagnose(ref, text)
	if d.Class == diagnosis.NotARegistryError {
		return
	}
	r.Failures = []Failure{*newFailure(d, activity{image: cmp.Or(ref, parsed(d.Named))}, 1)}
}

// contextReader counts, and ends with the context also while it waits for input.
type contextReader struct {
	ctx context.Context
	r   io.Reader
	buf [lines.MaxLine]byte // of a read that may go on when nobody waits for it
	n   int64
}

// Read implements io.Reader.
func (c *contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := c.r.Read(c.buf[:min(len(p), len(c.buf))])
		done <- result{n, err}
	}()
	select {
	case <-c.ctx.Done():
		return 0, context.Cause(c.ctx)
	case got := <-done:
		c.n += int64(got.n)
		return copy(p, c.buf[:got.n]), got.err
	}
}

// number reads a decimal number, 0 if it is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
