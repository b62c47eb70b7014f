// Package fix mends logins that stand in the way of public images: it says what to
// run (advice.go), plans what --fix would do (plan.go), and does it (apply.go).
//
// Only a credential that a registry refused for a public image, and accepted for
// none of the images that were checked, is ever touched.
package fix
