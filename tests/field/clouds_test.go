package field

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// The secrets that the clouds' services give out here; no registry knows them.
const (
	cloudToken   = "stale-token-of-a-cloud"
	cloudRefresh = "stale-refresh-token-of-a-cloud"
)

// cloud is a service of a cloud under its own name: any answer is the same.
func cloud(t *testing.T, host string, answer any) {
	t.Helper()
	r, err := lab.images.Front(t.Context(), harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeOpen})
	require.NoError(t, err)
	t.Cleanup(r.Disconnect)
	r.SetFault(func(w http.ResponseWriter, _ *http.Request) bool { return answerJSON(t, w, answer) })
}

func answerJSON(t *testing.T, w http.ResponseWriter, answer any) bool {
	t.Helper()
	dt, err := json.Marshal(answer)
	if err != nil {
		t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(dt)
	return true
}

// script is a helper with its settings.
func (h helper) script(t *testing.T, toolName string, env ...string) {
	t.Helper()
	dir, err := harness.T(t).WriteFiles(nil)
	require.NoError(t, err)
	h.write(t, "#!/bin/sh\nexec env HOME="+dir+" "+strings.Join(env, " ")+" "+
		filepath.Join(tool(t, toolName), "docker-credential-"+toolName)+" \"$@\"\n")
}

// setupECR has credentials of AWS, for which the service of ECR Public has a token.
func setupECR(t *testing.T, h helper, _ site) {
	t.Helper()
	cloud(t, "api.ecr-public.us-east-1.amazonaws.com", map[string]any{"authorizationData": map[string]any{
		"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + cloudToken)),
		"expiresAt":          time.Now().Add(12 * time.Hour).Unix(),
	}})
	h.script(t, toolECR, "AWS_ACCESS_KEY_ID=AKIAFIELD", "AWS_SECRET_ACCESS_KEY=of-the-field", "AWS_REGION=us-east-1",
		"AWS_ECR_DISABLE_CACHE=1", "AWS_EC2_METADATA_DISABLED=true", "AWS_CA_BUNDLE="+harness.T(t).Network.CAFile)
}

// setupGCR has a service account, whose key signs the token.
func setupGCR(t *testing.T, h helper, _ site) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "field", "private_key_id": "1", "client_id": "1",
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": "field@field.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
	})
	require.NoError(t, err)
	dir, err := harness.T(t).WriteFiles(map[string]string{"account.json": string(account)})
	require.NoError(t, err)
	h.script(t, toolGCR, "GOOGLE_APPLICATION_CREDENTIALS="+filepath.Join(dir, "account.json"))
}

// setupACR has a service principal: Entra ID gives it a token, and the registry
// itself a refresh token for that.
func setupACR(t *testing.T, h helper, s site) {
	t.Helper()
	cloud(t, "login.microsoftonline.com", map[string]any{
		"token_type": "Bearer", "access_token": cloudToken, "expires_in": "3600",
		"expires_on": "4102444800", "not_before": "0", "resource": "https://management.azure.com/",
	})
	s.SetFault(harness.FaultWhen(func(req *http.Request) bool { return req.URL.Path == "/oauth2/exchange" }, func(w http.ResponseWriter, _ *http.Request) bool {
		return answerJSON(t, w, map[string]string{"refresh_token": cloudRefresh})
	}))
	h.script(t, toolACR, "AZURE_CLIENT_ID=1", "AZURE_CLIENT_SECRET=of-the-field", "AZURE_TENANT_ID=field")
}
