// Loaded into every Node process of a test by NODE_OPTIONS=--import: a connection or a look-up off this machine is
// written down in NETWORK_LOG and refused.
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import net from 'node:net';

const here = /^(127\.|::1$|localhost$|0\.0\.0\.0$|::ffff:127\.)/;

function refuse(what) {
  appendFileSync(process.env.NETWORK_LOG, `node ${process.argv[1]}: ${what}\n`);
  throw new Error(`blocked by the test: ${what}`);
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const host = typeof options === 'object' ? options.host : typeof args[1] === 'string' ? args[1] : undefined;
  const path = typeof options === 'object' && options.path;
  if (!path && host !== undefined && !here.test(host)) refuse(`connect ${host}`);
  return connect.apply(this, args);
};
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => (here.test(host) ? lookup(host, ...rest) : refuse(`lookup ${host}`));
const promised = dns.promises.lookup;
dns.promises.lookup = (host, ...rest) =>
  here.test(host) ? promised(host, ...rest) : refuse(`lookup ${host}`);
