package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/lullhq/lull/internal/pgserver"
)

// nginxConfig serves files as fast as nginx does: a worker for each core, open files kept, no log.
const nginxConfig = `daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log crit;
worker_processes %[2]d;
%[5]s
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=100;
  open_file_cache_valid 60s;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server {
    listen 127.0.0.1:%[3]d;
    root %[1]s/www;
    types { }
%[4]s  }
}
`

// served is a file as it is to be answered.
type served struct {
	name, contentType, coding string
	bytes                     []byte
}

// nginx serves these files, each at /NAME.
type nginx struct {
	url    string
	server *child
}

func startNginx(ctx context.Context, dir string, workers int, files []served) (*nginx, error) {
	program, err := pgserver.FindNginx()
	if err != nil {
		return nil, err
	}
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "www"), 0o755)); err != nil {
		return nil, fmt.Errorf("make the folder of nginx: %w", err)
	}
	locations, user := "", ""
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, "www", f.name), f.bytes, 0o644); err != nil {
			return nil, fmt.Errorf("write a file for nginx: %w", err)
		}
		locations += fmt.Sprintf("    location = /%s { default_type %q; add_header Content-Encoding %q; }\n", f.name, f.contentType, f.coding)
	}
	if os.Geteuid() == 0 {
		user = "user root;" // or its workers may not enter a checkout below root's home
	}
	text := fmt.Sprintf(nginxConfig, dir, workers, ports[0], locations, user)
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("write the configuration of nginx: %w", err)
	}
	n := &nginx{url: "http://127.0.0.1:" + strconv.Itoa(ports[0])}
	n.server, err = start(exec.CommandContext(ctx, program, "-p", dir, "-c", config, "-e", filepath.Join(dir, "error.log")), n.url+"/"+files[0].name)
	return n, err
}
