package field

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// tokenService gives the tokens that distribution and zot take, as cesanta/docker_auth
// does: pulls for anybody, everything for who logs in, 401 for a wrong password.
type tokenService struct {
	issuer string
	key    *rsa.PrivateKey // zot takes no other
	der    []byte
}

func newTokenService(t *testing.T, host string) *tokenService {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	require.NoError(t, err)
	s := &tokenService{issuer: host, key: key, der: der}
	r, err := lab.images.Front(t.Context(), harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeOpen})
	require.NoError(t, err)
	t.Cleanup(r.Disconnect)
	r.SetFault(func(w http.ResponseWriter, req *http.Request) bool { return s.serve(t, w, req) })
	return s
}

// bundle is the certificate that the registry trusts.
func (s *tokenService) bundle() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.der}))
}

func (s *tokenService) serve(t *testing.T, w http.ResponseWriter, req *http.Request) bool {
	t.Helper()
	if req.Method != http.MethodGet {
		http.Error(w, "", http.StatusMethodNotAllowed)
		return true
	}
	user, password, _ := req.BasicAuth()
	if user != "" && password != harness.GoodPassword {
		http.Error(w, "Auth failed.", http.StatusUnauthorized)
		return true
	}
	access := []map[string]any{}
	for _, scope := range req.URL.Query()["scope"] {
		parts := strings.SplitN(scope, ":", 3)
		if len(parts) != 3 {
			continue
		}
		actions := []string{"pull"}
		if user != "" {
			actions = strings.Split(parts[2], ",")
		}
		access = append(access, map[string]any{"type": parts[0], "name": parts[1], "actions": actions})
	}
	now := time.Now().Unix()
	return answerJSON(t, w, map[string]string{"token": s.sign(t, map[string]any{
		"iss": s.issuer, "sub": user, "aud": req.URL.Query().Get("service"), "jti": rand.Text(),
		"iat": now, "nbf": now - 10, "exp": now + 300, "access": access,
	})})
}

// sign makes a JSON Web Token.
func (s *tokenService) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		dt, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		return base64.RawURLEncoding.EncodeToString(dt)
	}
	text := part(map[string]any{"typ": "JWT", "alg": "RS256", "x5c": []string{base64.StdEncoding.EncodeToString(s.der)}}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Error(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}
