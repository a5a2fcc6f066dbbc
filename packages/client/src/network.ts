const codeOf = (error: Error) => ('code' in error && typeof error.code === 'string' ? error.code : undefined)

/** Says in one phrase why a connection failed; Node leaves the message empty when every address of a name refuses. */
export function networkReason(error: Error): string {
  return error.message || codeOf(error) || error.name
}

/** Whether the other side answered with a certificate that is not trusted: asking again gets the same one. */
export function isUntrusted(error: Error): boolean {
  return /CERT|SIGNATURE|ISSUER/.test(codeOf(error) ?? '')
}

/** The next step after a failed connection to `origin`. */
export function networkHint(error: Error, origin: string): string {
  const code = codeOf(error) ?? ''
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `Check the host name in ${origin}: its certificate is for another`
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `Compare this machine's clock with the dates of the certificate of ${origin}`
  if (isUntrusted(error)) {
    return `Set NODE_EXTRA_CA_CERTS to the PEM file of the certificate authority that ${origin} uses, before the program starts`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `Check the host name in ${origin} and the machine's name look-up`
  if (code === 'ECONNREFUSED') return `Check that something listens at ${origin}`
  return 'Check the network and any proxy between this machine and the other side, then run again'
}

/** A URL as an error may repeat it: without the user name and password that somebody wrote into it. */
export function withoutUser(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//…@')
}
