package diagnosis

// Sent is d with what a caller that made the request itself knows, and the text
// need not say: whether credentials were sent, and that it was this machine, not
// a daemon, that had no connection.
func (d Diagnosis) Sent(credentials bool) Diagnosis {
	//exhaustive:ignore
	switch d.Class {
	case NetworkFailure, TLSFailure:
		d.Network = NetworkClient
	case CredentialsRejected, AuthRequired, DeniedAmbiguous, NotFound, RateLimited, NoMatchingPlatform:
		d.UsedCredentials = &credentials
	}
	if !credentials && d.Class != CredentialHelper {
		d.AnonymousRetryCanHelp = false
	}
	d.Remedies = d.remedies()
	return d
}
