package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"syscall"
)

// Where a connection was going before the pod's own iptables turned it to the proxy.
func originalDestination(conn *net.TCPConn) (string, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return "", err
	}
	const originalDst = 80
	destination := ""
	var failed error
	err = raw.Control(func(fd uintptr) {
		// A sockaddr_in, read through the one getter of this size.
		mreq, err := syscall.GetsockoptIPv6Mreq(int(fd), syscall.IPPROTO_IP, originalDst)
		if err != nil {
			failed = err
			return
		}
		port := binary.BigEndian.Uint16(mreq.Multiaddr[2:4])
		destination = fmt.Sprintf("%s:%d", net.IP(mreq.Multiaddr[4:8]), port)
	})
	if err != nil {
		return "", err
	}
	return destination, failed
}

func proxy(ctx context.Context, args []string) {
	set := flag.NewFlagSet("proxy", flag.ExitOnError)
	forwarded := set.Bool("forwarded", false, "reads HTTP and adds X-Forwarded-For, as reverse proxies do")
	set.Parse(args)
	listener, err := net.Listen("tcp4", set.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	if *forwarded {
		http.Serve(listener, reverseProxy())
		return
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go passOn(conn.(*net.TCPConn))
	}
}

func passOn(conn *net.TCPConn) {
	defer conn.Close()
	destination, err := originalDestination(conn)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	upstream, err := net.Dial("tcp4", destination)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer upstream.Close()
	go func() {
		io.Copy(upstream, conn)
		upstream.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(conn, upstream)
}

func reverseProxy() http.Handler {
	return &httputil.ReverseProxy{Director: func(request *http.Request) {
		request.URL.Scheme, request.URL.Host = "http", request.Host
	}}
}
