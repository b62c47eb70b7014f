package harness

import (
	"net/http"
	"time"
)

// FaultStatus answers with a status and a body in the registry's format.
func FaultStatus(status int, code, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		writeError(w, status, code, message)
		return true
	}
}

// FaultHang answers nothing for as long as the client waits.
func FaultHang() Fault {
	return func(_ http.ResponseWriter, req *http.Request) bool {
		<-req.Context().Done()
		return true
	}
}

// FaultReset breaks the connection, or the stream of HTTP/2.
func FaultReset() Fault {
	return func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
}

// FaultDelay lets the request go its way after a while.
func FaultDelay(d time.Duration) Fault {
	return func(_ http.ResponseWriter, req *http.Request) bool {
		select {
		case <-time.After(d):
		case <-req.Context().Done():
		}
		return false
	}
}

// FaultWhen applies f to the requests for which when is true.
func FaultWhen(when func(*http.Request) bool, f Fault) Fault {
	return func(w http.ResponseWriter, req *http.Request) bool { return when(req) && f(w, req) }
}
