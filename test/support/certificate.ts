import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An authority made in `dir`, and a server's key and certificate of it for `names` (`DNS:…`, `IP:…`). `ca` is the path of its certificate. */
export function makeCertificate(dir: string, names: string): { key: Buffer; cert: Buffer; ca: string } {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
  const fresh = ['-newkey', 'rsa:2048', '-nodes'];
  openssl(
    ...[
      'req',
      '-x509',
      ...fresh,
      '-days',
      '2',
      '-subj',
      '/CN=made here',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
    ],
  );
  openssl(...['req', ...fresh, '-subj', '/CN=server', '-keyout', 'key.pem', '-out', 'csr.pem']);
  writeFileSync(join(dir, 'san'), `subjectAltName=${names}`);
  openssl(
    ...['x509', '-req', '-in', 'csr.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-days', '2', '-extfile', 'san', '-out', 'cert.pem'],
  );
  const read = (name: string) => readFileSync(join(dir, name));
  return { key: read('key.pem'), cert: read('cert.pem'), ca: join(dir, 'ca.pem') };
}
