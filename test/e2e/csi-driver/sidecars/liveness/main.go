// Answers kubelet's liveness probe over HTTP with what the CSI driver answers to its own probe.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	address := flag.String("csi-address", "/csi/csi.sock", "where the driver listens")
	timeout := flag.Duration("probe-timeout", 3*time.Second, "for one probe")
	endpoint := flag.String("http-endpoint", ":9808", "where to listen")
	flag.Int("v", 0, "not used")
	flag.Parse()
	connection, err := grpc.NewClient("unix:"+*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	client := csi.NewIdentityClient(connection)
	http.HandleFunc("/healthz", func(writer http.ResponseWriter, request *http.Request) {
		ctx, cancel := context.WithTimeout(request.Context(), *timeout)
		defer cancel()
		if _, err := client.Probe(ctx, &csi.ProbeRequest{}); err != nil {
			http.Error(writer, err.Error(), http.StatusInternalServerError)
		}
	})
	server := &http.Server{Addr: *endpoint, ReadHeaderTimeout: *timeout}
	log.Fatal(server.ListenAndServe())
}
