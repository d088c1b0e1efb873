// The client of the end-to-end suite in Go: prints facts as JSON lines, judges nothing.
//
//	client token|secret|both [credential=managed|default] [client-id= | resource-id= | object-id=]
//	       [scope=] [vault=] [secret=] [times=1] [pause-ms=0] [parallel=1]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

type fields map[string]any

var writing sync.Mutex

func say(facts fields) {
	writing.Lock()
	defer writing.Unlock()
	line, err := json.Marshal(facts)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// timed does the work and prints what came of it and how long it took.
func timed(kind string, work func() (fields, error)) {
	started := time.Now()
	facts, err := work()
	if err != nil {
		facts = fields{"ok": false, "type": fmt.Sprintf("%T", err), "error": err.Error()}
	} else {
		facts["ok"] = true
	}
	facts["kind"], facts["startedMs"], facts["ms"] = kind, started.UnixMilli(), time.Since(started).Milliseconds()
	say(facts)
}

func credentialOf(asked map[string]string) (azcore.TokenCredential, error) {
	if asked["credential"] == "default" {
		// Its managed identity is chosen by AZURE_CLIENT_ID alone.
		if id := asked["client-id"]; id != "" {
			if err := os.Setenv("AZURE_CLIENT_ID", id); err != nil {
				return nil, err
			}
		}
		return azidentity.NewDefaultAzureCredential(nil)
	}
	options := &azidentity.ManagedIdentityCredentialOptions{}
	if id := asked["client-id"]; id != "" {
		options.ID = azidentity.ClientID(id)
	} else if id := asked["resource-id"]; id != "" {
		options.ID = azidentity.ResourceID(id)
	} else if id := asked["object-id"]; id != "" {
		options.ID = azidentity.ObjectID(id)
	}
	return azidentity.NewManagedIdentityCredential(options)
}

func number(asked map[string]string, name string, otherwise int) int {
	value, err := strconv.Atoi(asked[name])
	if err != nil {
		return otherwise
	}
	return value
}

func versions() fields {
	found := fields{"go": strings.TrimPrefix(runtime.Version(), "go")}
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		for _, name := range []string{"azidentity", "azsecrets", "azcore", "microsoft-authentication-library-for-go"} {
			if strings.HasSuffix(module.Path, "/"+name) {
				found[name] = strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return found
}

func main() {
	operation := os.Args[1]
	asked := map[string]string{}
	for _, pair := range os.Args[2:] {
		name, value, _ := strings.Cut(pair, "=")
		asked[name] = value
	}
	say(fields{"kind": "start", "client": "go", "versions": versions()})
	credential, err := credentialOf(asked)
	if err != nil {
		panic(err)
	}
	var vault *azsecrets.Client
	if asked["vault"] != "" {
		if vault, err = azsecrets.NewClient(asked["vault"], credential, nil); err != nil {
			panic(err)
		}
	}
	ctx := context.Background()
	once := func() {
		if operation != "secret" {
			timed("token", func() (fields, error) {
				got, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{asked["scope"]}})
				return fields{"token": got.Token, "expiresOn": got.ExpiresOn.Unix()}, err
			})
		}
		if operation != "token" {
			timed("secret", func() (fields, error) {
				got, err := vault.GetSecret(ctx, asked["secret"], "", nil)
				if err != nil {
					return nil, err
				}
				return fields{"value": *got.Value}, nil
			})
		}
	}
	for round := range number(asked, "times", 1) {
		if round > 0 {
			time.Sleep(time.Duration(number(asked, "pause-ms", 0)) * time.Millisecond)
		}
		var running sync.WaitGroup
		for range number(asked, "parallel", 1) {
			running.Go(once)
		}
		running.Wait()
	}
	say(fields{"kind": "end"})
}
