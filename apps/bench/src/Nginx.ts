/** The parts that every nginx configuration of the bench shares: nothing of the machine's own is read. */
import { getuid } from "node:process"
import { echoModule } from "./Tools.ts"

/** A whole configuration around some `http` directives, keeping all its files under its own folder. */
export const configuration = (folder: string, http: string) => `
${echoModule === undefined ? "" : `load_module ${echoModule};`}
${getuid?.() === 0 ? "user root root;" : ""}
daemon off;
worker_processes 1;
worker_rlimit_nofile 200000;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 100000; }
http {
  access_log off;
  default_type application/json;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${http}
}
`

export const args = (folder: string) => ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", `${folder}/start.log`]
