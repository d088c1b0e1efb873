// An application in a pod, as small as can be: it asks the metadata address for tokens, in the words of
// Azure's documentation, and prints what it got as lines of JSON.
//
//	app wait                                waits for SIGTERM
//	app first [-polite] [flags]             asks until it has a token, then waits for SIGTERM; politely: no sooner than
//	                                        Retry-After says
//	app token [flags]                       asks once
//	app get [-H name:value]... [-X method] URL   any request
//	app load -rate 20 -seconds 60 [-retries 3] [flags]   asks all the time; one line for each answer
//	app old-nmi -client-id ID               the node agent of AAD Pod Identity, as far as an upgrade meets it
//	app old-mic                             its controller
//	app end                                 ends the pod's main program in order
//	app listen ADDRESS                      answers every connection with its own name
//	app files [-stay] FOLDER...             prints the files below it, with modes and contents
//	app env NAME...                         prints variables of its environment
//	app proxy [-forwarded] ADDRESS          passes on what the pod's own iptables redirect to it, as service meshes do
//	app spoof -address IP [-mac MAC]        takes another pod's address and asks for its token, for as long as it lives
//
// Flags of token requests: -resource, -client-id, -res-id, -object-id, -timeout (seconds).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const imds = "http://169.254.169.254/metadata/identity/oauth2/token"

var born = time.Now()

// A client that waits for no proxy and keeps no connection: each request is a new caller for the node.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

type answer struct {
	At     string  `json:"at"`
	Status int     `json:"status"`
	Ms     float64 `json:"ms"`
	Body   any     `json:"body,omitempty"`
	Error  string  `json:"error,omitempty"`
	Retry  string  `json:"retryAfter,omitempty"`
	// How long the program had run when it asked.
	AgeMs float64 `json:"ageMs"`
	// What earlier tries of the same request ended with (load -retries).
	Failed []failedTry `json:"failed,omitempty"`
}

type failedTry struct {
	At    string `json:"at"`
	Cause string `json:"cause"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	command, args := "wait", os.Args[1:]
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	switch command {
	case "wait":
		<-ctx.Done()
	case "token":
		print(ask(ctx, tokenRequest(args)))
	case "first":
		first(ctx, args)
		<-ctx.Done()
	case "get":
		print(ask(ctx, anyRequest(args)))
	case "load":
		load(ctx, args)
	case "old-nmi":
		oldNMI(ctx, args)
	case "old-mic":
		oldMIC(ctx)
	case "end":
		syscall.Kill(1, syscall.SIGTERM)
	case "listen":
		listen(ctx, args)
	case "files":
		files(ctx, args)
	case "env":
		env(args)
	case "proxy":
		proxy(ctx, args)
	case "spoof":
		spoof(ctx, args)
	default:
		fmt.Fprintf(os.Stderr, "unknown command %q\n", command)
		os.Exit(2)
	}
}

type order struct {
	method  string
	url     string
	header  http.Header
	timeout time.Duration
}

func tokenFlags(set *flag.FlagSet) func() order {
	resource := set.String("resource", "https://vault.azure.net", "")
	clientID := set.String("client-id", "", "")
	resID := set.String("res-id", "", "")
	objectID := set.String("object-id", "", "")
	timeout := set.Float64("timeout", 90, "seconds")
	return func() order {
		query := url.Values{"api-version": {"2018-02-01"}, "resource": {*resource}}
		for name, value := range map[string]string{"client_id": *clientID, "msi_res_id": *resID, "object_id": *objectID} {
			if value != "" {
				query.Set(name, value)
			}
		}
		return order{
			method:  http.MethodGet,
			url:     imds + "?" + query.Encode(),
			header:  http.Header{"Metadata": {"true"}},
			timeout: time.Duration(*timeout * float64(time.Second)),
		}
	}
}

func tokenRequest(args []string) order {
	set := flag.NewFlagSet("token", flag.ExitOnError)
	made := tokenFlags(set)
	set.Parse(args)
	return made()
}

type headers struct{ http.Header }

func (h headers) String() string { return "" }

func (h headers) Set(text string) error {
	name, value, found := strings.Cut(text, ":")
	if !found {
		return fmt.Errorf("no colon in %q", text)
	}
	h.Add(name, strings.TrimSpace(value))
	return nil
}

func anyRequest(args []string) order {
	set := flag.NewFlagSet("get", flag.ExitOnError)
	header := http.Header{}
	set.Var(headers{header}, "H", "name:value")
	method := set.String("X", http.MethodGet, "method")
	timeout := set.Float64("timeout", 30, "seconds")
	set.Parse(args)
	return order{*method, set.Arg(0), header, time.Duration(*timeout * float64(time.Second))}
}

func ask(ctx context.Context, order order) answer {
	ctx, cancel := context.WithTimeout(ctx, order.timeout)
	defer cancel()
	began := time.Now()
	got := answer{AgeMs: float64(began.Sub(born).Microseconds()) / 1000}
	request, err := http.NewRequestWithContext(ctx, order.method, order.url, nil)
	if err == nil {
		request.Header = order.header
		var response *http.Response
		if response, err = client.Do(request); err == nil {
			defer response.Body.Close()
			got.Status, got.Retry = response.StatusCode, response.Header.Get("Retry-After")
			var text []byte
			text, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
			if json.Unmarshal(text, &got.Body) != nil {
				got.Body = string(text)
			}
		}
	}
	if err != nil {
		got.Error = err.Error()
	}
	got.At = time.Now().UTC().Format(time.RFC3339Nano)
	got.Ms = float64(time.Since(began).Microseconds()) / 1000
	return got
}

var output sync.Mutex

func print(got answer) {
	output.Lock()
	defer output.Unlock()
	json.NewEncoder(os.Stdout).Encode(got)
}

func first(ctx context.Context, args []string) {
	set := flag.NewFlagSet("first", flag.ExitOnError)
	made := tokenFlags(set)
	polite := set.Bool("polite", false, "no sooner than Retry-After says")
	set.Parse(args)
	order := made()
	for ctx.Err() == nil {
		got := ask(ctx, order)
		print(got)
		if got.Status == http.StatusOK {
			return
		}
		pause := 200 * time.Millisecond
		if seconds, err := strconv.Atoi(got.Retry); *polite && err == nil {
			pause = time.Duration(seconds) * time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func load(ctx context.Context, args []string) {
	set := flag.NewFlagSet("load", flag.ExitOnError)
	made := tokenFlags(set)
	rate := set.Float64("rate", 20, "requests a second")
	seconds := set.Float64("seconds", 60, "how long; 0: until it is ended")
	retries := set.Int("retries", 0, "further tries, after 0.8, 1.6, 3.2 ... seconds")
	set.Parse(args)
	order := made()
	if *seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(*seconds*float64(time.Second)))
		defer cancel()
	}
	ticker := time.NewTicker(time.Duration(float64(time.Second) / *rate))
	defer ticker.Stop()
	var group sync.WaitGroup
	for {
		select {
		case <-ctx.Done():
			group.Wait()
			return
		case <-ticker.C:
			group.Add(1)
			go func() {
				defer group.Done()
				// What is under way at the end gets its answer: only what podid did is counted.
				print(persist(context.WithoutCancel(ctx), order, *retries))
			}()
		}
	}
}

// Tries again what Azure's SDKs try again, with their usual pauses.
func persist(ctx context.Context, order order, retries int) answer {
	failed := []failedTry{}
	for pause := 800 * time.Millisecond; ; pause *= 2 {
		got := ask(ctx, order)
		passes := got.Status == 0 || got.Status == 404 || got.Status == 410 || got.Status == 429 || got.Status >= 500
		if !passes || len(failed) >= retries {
			got.Failed = failed
			// Whose token, not the token.
			if body, isObject := got.Body.(map[string]any); isObject && got.Status == http.StatusOK {
				got.Body = map[string]any{"client_id": body["client_id"]}
			}
			return got
		}
		failed = append(failed, failedTry{At: got.At, Cause: fmt.Sprintf("%d %s", got.Status, got.Error)})
		time.Sleep(pause)
	}
}

func listen(ctx context.Context, args []string) {
	name, _ := os.Hostname()
	server := &http.Server{Addr: args[0], ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(
		func(writer http.ResponseWriter, request *http.Request) { fmt.Fprintln(writer, name) })}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
