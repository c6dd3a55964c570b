package server

import (
	"github.com/lockwarden/lockwarden/infra/local"
)

// Kind is an engine that can be started.
type Kind struct {
	Name            string
	Tables, Buckets bool       // it speaks DynamoDB, it speaks S3
	Installed       local.Part // what make installs to have it
	// command gives the program, its arguments and its environment. It works in an empty folder
	// of its own, which has the folders data and versions; the ports are on 127.0.0.1.
	command func(port string, more ...string) command
	ports   int    // how many it needs beside the one that clients use
	health  string // a path that answers once the engine does; empty: it answers when it listens
	// halves is of an engine that sends the head of an answer before the body. The SDK in clients
	// loses such a body now and then (pkg/httpbody says why), asks again, and meets its own lock.
	halves bool
}

type command struct {
	args []string // the first is the program in .build
	env  []string
}

// The folders that an engine finds in its home.
const (
	dataFolder     = "data"
	versionsFolder = "versions"
)

// The access key of all engines: s3rver knows this one alone, the others know any or are
// given one.
const (
	AccessKey = "S3RVER"
	SecretKey = "S3RVER"
)

// The engines. Moto is in package local, since most tests need nothing else.
var (
	// MiniStack is a local AWS of many services.
	MiniStack = Kind{Name: "MiniStack", Tables: true, Buckets: true, Installed: local.MiniStack, command: func(port string, _ ...string) command {
		return command{[]string{"ministack/bin/ministack"}, []string{"BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + port, "MINISTACK_REGION=" + local.Region}}
	}, health: "/_ministack/health", halves: true}
	// Dynalite is DynamoDB on LevelDB. It gives no item with a failed condition.
	Dynalite = Kind{Name: "dynalite", Tables: true, Installed: local.NodeEngines, command: func(port string, _ ...string) command {
		return command{args: []string{"node/bin/node", "engines/node_modules/dynalite/cli.js", "--host", "127.0.0.1", "--port", port, "--createTableMs", "0", "--deleteTableMs", "0"}}
	}}
	// Dynoxide is DynamoDB on SQLite.
	Dynoxide = Kind{Name: "dynoxide", Tables: true, Installed: local.Dynoxide, command: func(port string, _ ...string) command {
		return command{args: []string{"cargo/bin/dynoxide", "serve", "--host", "127.0.0.1", "--port", port}}
	}}
	// S3rver is unmaintained and ignores every condition: it stands for old stores.
	S3rver = Kind{Name: "s3rver", Buckets: true, Installed: local.NodeEngines, command: func(port string, _ ...string) command {
		// Its listings of more than a page need a cipher that newer Nodes call old.
		return command{args: []string{"node/bin/node", "--openssl-legacy-provider", "engines/node_modules/s3rver/bin/s3rver.js", "-d", dataFolder, "-a", "127.0.0.1", "-p", port, "--allow-mismatched-signatures", "--no-vhost-buckets"}}
	}}
	// Versitygw is S3 over a file system, made for production, with versions and without.
	Versitygw      = Kind{Name: "versitygw", Buckets: true, Installed: local.Versitygw, command: versitygw("--versioning-dir", versionsFolder)}
	VersitygwPlain = Kind{Name: "versitygw without versions", Buckets: true, Installed: local.Versitygw, command: versitygw()}
	// SeaweedFS is a store made for production.
	SeaweedFS = Kind{Name: "SeaweedFS", Buckets: true, Installed: local.SeaweedFS, command: seaweedFS, ports: 7, health: "/healthz"}
)

// versitygw runs with the folders data and versions of its own.
func versitygw(options ...string) func(port string, _ ...string) command {
	return func(port string, _ ...string) command {
		return command{
			append(append([]string{"bin/versitygw", "--port", "127.0.0.1:" + port, "--region", local.Region, "--quiet", "posix"}, options...), dataFolder),
			[]string{"ROOT_ACCESS_KEY=" + AccessKey, "ROOT_SECRET_KEY=" + SecretKey},
		}
	}
}

// seaweedFS runs all of its servers in one process. It takes no secret: whoever reaches the
// port is let in, with any key.
func seaweedFS(port string, more ...string) command {
	args := []string{
		"bin/weed", "-logtostderr=true", "-v=0", "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir=" + dataFolder,
		// Each bucket has volumes of its own.
		"-volume.max=0", "-master.volumeSizeLimitMB=16", "-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock", "-s3.port=" + port,
	}
	for i, name := range []string{"s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"} {
		args = append(args, "-"+name+"="+more[i])
	}
	return command{args: args}
}
