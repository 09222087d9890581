package converge_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// With a certificate the process is served by TLS alone.
func TestTLS(t *testing.T) {
	t.Parallel()
	// The certificate of a test server is one for 127.0.0.1.
	borrowed := httptest.NewTLSServer(http.NotFoundHandler())
	borrowed.Close()
	own := borrowed.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, keyFile := filepath.Join(dir, "host.pem"), filepath.Join(dir, "host.key")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := newHost(t, pushed)
	h.start("--tls-cert", certificate, "--tls-key", keyFile)
	pool := x509.NewCertPool()
	pool.AddCert(borrowed.Certificate())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	response, err := client.Post(strings.Replace(h.url, "http:", "https:", 1)+"/push/listen", "application/jwt", strings.NewReader(h.sign(h.key, newFile)))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || len(h.files()) != 1 {
		t.Errorf("%s, files %v", response.Status, h.files())
	}
	if response, err := http.Get(h.url + "/healthz"); err == nil && response.StatusCode == http.StatusOK {
		t.Error("it answers without TLS")
	}
	h.stop()
}
