package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Stand-ins for the two programs of AAD Pod Identity 1.8, as far as an upgrade meets them.

const (
	oldChain   = "aad-metadata"
	oldAddress = "127.0.0.1:2579"
	metadata   = "169.254.169.254"
)

// Answers token requests with those of one identity, behind the chain that the old agent wrote; on SIGTERM
// takes the chain away and goes on for ten seconds, as the old agent did. The node's root is at /host.
func oldNMI(ctx context.Context, args []string) {
	set := flag.NewFlagSet("old-nmi", flag.ExitOnError)
	clientID := set.String("client-id", "", "")
	set.Parse(args)
	target := &url.URL{Scheme: "http", Host: metadata}
	proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(target)
		query := request.Out.URL.Query()
		// MIC names the identity that it logs in with, and the old agent had an exception for it.
		if !query.Has("client_id") {
			query.Set("client_id", *clientID)
		}
		request.Out.URL.RawQuery = query.Encode()
	}}
	// The old process of this node may still be in its last ten seconds.
	go func() {
		for {
			server := &http.Server{Addr: oldAddress, Handler: proxy, ReadHeaderTimeout: 10 * time.Second}
			log.Println(server.ListenAndServe())
			time.Sleep(time.Second)
		}
	}()
	for ctx.Err() == nil {
		if iptables("-C", "PREROUTING", "-j", oldChain) != nil {
			must(iptables("-N", oldChain))
			must(iptables("-A", oldChain, "!", "-s", "127.0.0.1", "-d", metadata, "-p", "tcp", "--dport", "80",
				"-j", "DNAT", "--to-destination", oldAddress))
			must(iptables("-A", oldChain, "-j", "RETURN"))
			must(iptables("-I", "PREROUTING", "1", "-j", oldChain))
		}
		select {
		case <-ctx.Done():
		case <-time.After(60 * time.Second):
		}
	}
	for _, args := range [][]string{{"-D", "PREROUTING", "-j", oldChain}, {"-F", oldChain}, {"-X", oldChain}} {
		must(iptables(args...))
	}
	time.Sleep(10 * time.Second)
}

func must(err error) {
	if err != nil {
		log.Println(err)
	}
}

func iptables(args ...string) error {
	command := exec.Command("/usr/sbin/iptables", append([]string{"--wait", "-t", "nat"}, args...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: "/host"}
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	command.Dir = "/"
	text, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return nil
}

type leaderRecord struct {
	Holder      string    `json:"holderIdentity"`
	Seconds     int       `json:"leaseDurationSeconds"`
	Acquired    time.Time `json:"acquireTime"`
	Renewed     time.Time `json:"renewTime"`
	Transitions int       `json:"leaderTransitions"`
}

const (
	lockPath   = "/api/v1/namespaces/default/endpoints"
	lockName   = "aad-pod-identity-mic"
	annotation = "control-plane.alpha.kubernetes.io/leader"
	duration   = 15 * time.Second
)

// Takes the old controller's lock when nobody has renewed it for its duration, keeps it, and does nothing else.
func oldMIC(ctx context.Context) {
	self, _ := os.Hostname()
	seen, since := "", time.Now()
	for ctx.Err() == nil {
		lock, code := kubernetes(http.MethodGet, lockPath+"/"+lockName, nil)
		text := annotationOf(lock)
		record := leaderRecord{}
		json.Unmarshal([]byte(text), &record)
		if text != seen {
			seen, since = text, time.Now()
		}
		if record.Holder == self || record.Holder == "" || time.Since(since) > duration {
			now := time.Now().UTC().Truncate(time.Second)
			if record.Holder != self {
				record.Acquired, record.Transitions = now, record.Transitions+1
			}
			record.Holder, record.Renewed, record.Seconds = self, now, int(duration.Seconds())
			value, _ := json.Marshal(record)
			written := 0
			if code == http.StatusNotFound {
				_, written = kubernetes(http.MethodPost, lockPath, lockWith(nil, string(value)))
			} else {
				_, written = kubernetes(http.MethodPut, lockPath+"/"+lockName, lockWith(lock, string(value)))
			}
			log.Println("renewed", written)
		}
		select {
		case <-ctx.Done():
		case <-time.After(3750 * time.Millisecond):
		}
	}
}

func annotationOf(lock map[string]any) string {
	meta, _ := lock["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	text, _ := annotations[annotation].(string)
	return text
}

func lockWith(lock map[string]any, value string) map[string]any {
	if lock == nil {
		lock = map[string]any{"apiVersion": "v1", "kind": "Endpoints", "metadata": map[string]any{"name": lockName}}
	}
	meta, _ := lock["metadata"].(map[string]any)
	meta["annotations"] = map[string]any{annotation: value}
	return lock
}

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func kubernetes(method, path string, body any) (map[string]any, int) {
	ca, _ := os.ReadFile(account + "ca.crt")
	token, _ := os.ReadFile(account + "token")
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	text, _ := json.Marshal(body)
	request, _ := http.NewRequest(method, "https://"+os.Getenv("KUBERNETES_SERVICE_HOST")+path, bytes.NewReader(text))
	request.Header.Set("Authorization", "Bearer "+string(token))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		log.Println(err)
		return nil, 0
	}
	defer response.Body.Close()
	answer := map[string]any{}
	text, _ = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	json.Unmarshal(text, &answer)
	return answer, response.StatusCode
}
