package harness

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// FaultAnswer answers with a status and a body of any type.
func FaultAnswer(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// FaultRetryAfter answers 429 and names the seconds to wait.
func FaultRetryAfter(seconds int) Fault {
	answer := FaultStatus(http.StatusTooManyRequests, "TOOMANYREQUESTS", "slow down")
	return func(w http.ResponseWriter, req *http.Request) bool {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return answer(w, req)
	}
}

// FaultHeader sets a header of the registry's own answer.
func FaultHeader(name, value string) Fault {
	return alter(func(w http.ResponseWriter) http.ResponseWriter {
		return &headerWriter{ResponseWriter: w, name: name, value: value}
	})
}

// FaultCut breaks the connection after the first n bytes of the body of the
// registry's own answer.
func FaultCut(n int) Fault {
	return alter(func(w http.ResponseWriter) http.ResponseWriter { return &cutWriter{ResponseWriter: w, left: n} })
}

// FaultShort ends the body of the registry's own answer after n bytes, as if that
// were all.
func FaultShort(n int) Fault {
	return alter(func(w http.ResponseWriter) http.ResponseWriter { return &shortWriter{ResponseWriter: w, left: n} })
}

// FaultGarble changes one byte of the body of the registry's own answer.
func FaultGarble() Fault {
	return alter(func(w http.ResponseWriter) http.ResponseWriter { return &garbleWriter{ResponseWriter: w} })
}

// FaultTimes applies f to the first n requests. It counts in the order in which
// they arrive.
func FaultTimes(n int64, f Fault) Fault {
	var seen atomic.Int64
	return func(w http.ResponseWriter, req *http.Request) bool { return seen.Add(1) <= n && f(w, req) }
}

// FaultThen calls do before f is applied.
func FaultThen(do func(), f Fault) Fault {
	return func(w http.ResponseWriter, req *http.Request) bool {
		do()
		return f(w, req)
	}
}

// RevokeTokens makes every token that was given so far unknown, as if it had
// expired. A request that the registry has begun to answer goes on.
func (r *Registry) RevokeTokens() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.tokens)
}

// alter lets the request go its way and changes the answer.
func alter(wrap func(http.ResponseWriter) http.ResponseWriter) Fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		if sw, ok := w.(*statusWriter); ok {
			sw.ResponseWriter = wrap(sw.ResponseWriter)
		}
		return false
	}
}

type headerWriter struct {
	http.ResponseWriter
	name, value string
}

// WriteHeader is http.ResponseWriter's.
func (w *headerWriter) WriteHeader(status int) {
	w.Header().Set(w.name, w.value)
	w.ResponseWriter.WriteHeader(status)
}

type cutWriter struct {
	http.ResponseWriter
	left int
}

// Write is http.ResponseWriter's.
func (w *cutWriter) Write(b []byte) (int, error) {
	if len(b) < w.left {
		w.left -= len(b)
		return w.ResponseWriter.Write(b)
	}
	_, _ = w.ResponseWriter.Write(b[:w.left])
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

type shortWriter struct {
	http.ResponseWriter
	left int
}

// WriteHeader is http.ResponseWriter's.
func (w *shortWriter) WriteHeader(status int) {
	w.Header().Set("Content-Length", strconv.Itoa(w.left))
	w.ResponseWriter.WriteHeader(status)
}

// Write is http.ResponseWriter's. The registry is not told that the rest is lost.
func (w *shortWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	if _, err := w.ResponseWriter.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}

type garbleWriter struct {
	http.ResponseWriter
	done bool
}

// Write is http.ResponseWriter's.
func (w *garbleWriter) Write(b []byte) (int, error) {
	if w.done || len(b) == 0 {
		return w.ResponseWriter.Write(b)
	}
	w.done = true
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return w.ResponseWriter.Write(b)
}
