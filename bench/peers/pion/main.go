// pion ADDRESS: the least SFU that Pion makes, for comparison. It speaks as
// bench/src/bin/sfu-server.rs does (a JSON object a line) and forwards what a
// room's clients send to all others of it; interceptors are Pion's defaults.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

const socketBuffer = 4 << 20

type command struct {
	Type        string            `json:"type"`
	Room        string            `json:"room"`
	Participant string            `json:"participant"`
	Request     uint64            `json:"request"`
	Offer       string            `json:"offer"`
	Sending     []json.RawMessage `json:"sending"`
}

type answer struct {
	Type        string `json:"type"`
	Participant string `json:"participant"`
	Request     uint64 `json:"request"`
	Answer      string `json:"answer"`
}

// room holds a track for each of its senders, in the order they joined.
type room struct {
	lock   sync.Mutex
	tracks []*webrtc.TrackLocalStaticRTP
	made   int
}

// track gives the room's track of that number; the load names what a receiver
// gets before its sender has joined.
func (r *room) track(number int) (*webrtc.TrackLocalStaticRTP, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	for len(r.tracks) <= number {
		name := fmt.Sprintf("track-%d", len(r.tracks))
		track, err := webrtc.NewTrackLocalStaticRTP(
			webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP9}, name, name)
		if err != nil {
			return nil, err
		}
		r.tracks = append(r.tracks, track)
	}
	return r.tracks[number], nil
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: pion ADDRESS")
	}
	api, err := newAPI(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	rooms := map[string]*room{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var c command
		if json.Unmarshal(lines.Bytes(), &c) != nil || c.Type != "connect" {
			continue
		}
		if rooms[c.Room] == nil {
			rooms[c.Room] = &room{}
		}
		text, err := connect(api, rooms[c.Room], &c)
		if err != nil {
			log.Fatal(err)
		}
		line, err := json.Marshal(answer{"answer", c.Participant, c.Request, text})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(line))
	}
}

func newAPI(address string) (*webrtc.API, error) {
	udp, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp4", udp)
	if err != nil {
		return nil, err
	}
	// Larger buffers are a wish.
	_ = socket.SetReadBuffer(socketBuffer)
	_ = socket.SetWriteBuffer(socketBuffer)
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	interceptors := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(media, interceptors); err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetLite(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, socket))
	return webrtc.NewAPI(webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(interceptors), webrtc.WithSettingEngine(settings)), nil
}

func connect(api *webrtc.API, r *room, c *command) (string, error) {
	connection, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	own := -1
	if len(c.Sending) > 0 {
		own = r.made
		r.made++
		track, err := r.track(own)
		if err != nil {
			return "", err
		}
		connection.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			packet := make([]byte, 1600)
			for {
				n, _, err := remote.Read(packet)
				if err != nil {
					return
				}
				if _, err := track.Write(packet[:n]); err != nil {
					return
				}
			}
		})
	}
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: c.Offer}
	if err := connection.SetRemoteDescription(offer); err != nil {
		return "", err
	}
	for slot := 0; slot < strings.Count(c.Offer, "a=recvonly"); slot++ {
		number := slot
		if own >= 0 && number >= own {
			number++
		}
		track, err := r.track(number)
		if err != nil {
			return "", err
		}
		sender, err := connection.AddTrack(track)
		if err != nil {
			return "", err
		}
		go func() {
			// Interceptors see feedback only while somebody reads it.
			packet := make([]byte, 1600)
			for {
				if _, _, err := sender.Read(packet); err != nil {
					return
				}
			}
		}()
	}
	gathered := webrtc.GatheringCompletePromise(connection)
	text, err := connection.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	if err := connection.SetLocalDescription(text); err != nil {
		return "", err
	}
	<-gathered
	return connection.LocalDescription().SDP, nil
}
