/** Codes of Node for a chain of certificates that ends in none that is known here. */
const UNKNOWN_ISSUER =
  /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|CERT_UNTRUSTED|self[- ]signed certificate|unable to (verify the first certificate|get (local )?issuer certificate)/i;
const WRONG_TIME = /CERT_(HAS_EXPIRED|NOT_YET_VALID)|certificate (has expired|is not yet valid)/i;
const WRONG_NAME = /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/i;

/** What helps when a TLS connection failed for this reason (a code or words of Node); null when it was not the certificate. */
export function certificateSteps(reason: string): string[] | null {
  if (UNKNOWN_ISSUER.test(reason))
    return [
      'Behind a proxy or mirror with a certificate authority of its own, name that: export NODE_EXTRA_CA_CERTS=/path/to/ca.pem',
      'Otherwise somebody may be listening in: try another network.',
    ];
  if (WRONG_TIME.test(reason))
    return ["Check this machine's clock: date", 'If it is right, the server has let its certificate expire.'];
  if (WRONG_NAME.test(reason))
    return ['Check the name in the address: the server there is another one.', 'pt doctor'];
  return null;
}
