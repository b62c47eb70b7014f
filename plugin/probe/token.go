package probe

import (
	"context"
	"net/http"
	"net/url"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/moby/buildkit/util/errutil"
	"github.com/pkg/errors"
)

// clientID is how buildx calls itself to token services.
const clientID = "buildkit-client"

// fetchToken gets a token as buildx does (BuildKit v0.33.1,
// session/auth/authprovider/authprovider.go), and words errors as it does: with
// a login by POST, and by GET where the service does not know that.
func fetchToken(ctx context.Context, client *http.Client, to auth.TokenOptions) (string, error) {
	if to.Secret == "" {
		resp, err := auth.FetchToken(ctx, client, nil, to)
		if err != nil {
			return "", errors.Wrap(err, "failed to fetch anonymous token")
		}
		return resp.Token, nil
	}
	posted, err := auth.FetchTokenWithOAuth(ctx, client, nil, clientID, to)
	if err == nil {
		return posted.AccessToken, nil
	}
	var status remoteserrors.ErrUnexpectedStatus
	if errors.As(err, &status) && noPost(status.StatusCode, to.Username) {
		var resp *auth.FetchTokenResponse
		if resp, err = auth.FetchToken(ctx, client, nil, to); err == nil {
			return resp.Token, nil
		}
	}
	return "", errors.Wrap(errutil.WithDetails(err), "failed to fetch oauth token")
}

// noPost: 405 is what the specification has, Google answers 404, Artifactory 401.
func noPost(status int, user string) bool {
	return status == http.StatusMethodNotAllowed && user != "" || status == http.StatusNotFound || status == http.StatusUnauthorized
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
