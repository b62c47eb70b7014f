// Package fix removes stored credentials that registries reject, or keeps builds
// from using them: it says what to run (advice.go), plans what --fix would do
// (plan.go), and does it (apply.go, configfile.go).
//
// It acts on entries as they are stored. Only an entry that was rejected for a public
// image is ever touched, and only if every answer to it in the whole check was a
// rejection, whichever registry gave it.
package fix
