// Tells kubelet, by the socket that it looks for in its folder of plugins, where the CSI driver listens.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const folder = "/registration"

type server struct {
	registration.UnimplementedRegistrationServer
	name     string
	endpoint string
}

func (s *server) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type:              registration.CSIPlugin,
		Name:              s.name,
		Endpoint:          s.endpoint,
		SupportedVersions: []string{"1.0.0"},
	}, nil
}

func (s *server) NotifyRegistrationStatus(
	_ context.Context, status *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	if !status.PluginRegistered {
		// The container starts again, and kubelet is asked again.
		log.Fatalf("kubelet did not register %s: %s", s.name, status.Error)
	}
	log.Printf("kubelet has registered %s", s.name)
	return &registration.RegistrationStatusResponse{}, nil
}

// The driver's own name, once it answers.
func driverName(address string) string {
	connection, err := grpc.NewClient("unix:"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	info, err := csi.NewIdentityClient(connection).GetPluginInfo(ctx, &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
	if err != nil {
		log.Fatal(err)
	}
	return info.GetName()
}

func main() {
	address := flag.String("csi-address", "/csi/csi.sock", "where the driver listens, in this container")
	endpoint := flag.String("kubelet-registration-path", "", "the same for kubelet")
	flag.Int("v", 0, "not used")
	flag.Parse()
	name := driverName(*address)
	path := filepath.Join(folder, name+"-reg.sock")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	grpcServer := grpc.NewServer()
	registration.RegisterRegistrationServer(grpcServer, &server{name: name, endpoint: *endpoint})
	log.Fatal(grpcServer.Serve(listener))
}
