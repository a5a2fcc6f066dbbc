import { X509Certificate, createPrivateKey } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { PlatformError } from './errors.ts'

/** A certificate for the names of a platform that others reach, with its chain, and its key, both as PEM. */
export interface ServerCertificate {
  readonly certificate: string
  readonly privateKey: string
}

/** Who can reach a platform, and what protects it from them. */
export interface Exposure {
  readonly host?: string | undefined
  readonly names?: readonly string[] | undefined
  readonly tls?: ServerCertificate | undefined
  readonly administratorPassword?: string | undefined
  readonly drills?: boolean | undefined
  readonly publicOrigin?: string | undefined
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether only this machine can reach what listens there. A name other than `localhost` may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  const version = isIP(host)
  return version !== 0 && LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

const PASSWORD_LENGTH_MIN = 12

/**
 * Refuses to be reached by other machines without what that needs: a certificate, names for the Host allow-list, a password that
 * an administrator has chosen, and no drills, which need no token.
 *
 * @throws PlatformError `exposure_refused`, naming all that is missing.
 */
export function requireSafeExposure(exposure: Exposure): void {
  const { host = 'localhost', names = [], tls, administratorPassword: password, drills } = exposure
  if (tls) checkCertificate(tls, names)
  if (exposure.publicOrigin !== undefined) requirePublicOrigin(exposure.publicOrigin, drills)
  if (password !== undefined && password.trim().length < PASSWORD_LENGTH_MIN)
    throw refused(host, [`an administrator password of at least ${PASSWORD_LENGTH_MIN} characters`])
  if (isLoopback(host)) return
  const missing = [
    ...(tls ? [] : ['a certificate and its key (tls)']),
    ...(names.length > 0 ? [] : ['the names by which it is reached (names)']),
    ...(password === undefined ? ['an administrator password (administratorPassword)'] : []),
    ...(drills ? ['to be without drills, which need no token (drills)'] : []),
  ]
  if (missing.length > 0) throw refused(host, missing)
}

/** Refuses what is no origin, and one that strangers reach if there are drills. */
function requirePublicOrigin(given: string, drills: boolean | undefined): void {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url?.protocol !== 'https:' || url.origin !== given)
    throw new PlatformError(
      `Cannot be known as '${given.slice(0, 200)}', as an origin like https://login.example is needed: https, a name in lower case, and no path`,
      { code: 'public_origin_invalid', hint: 'Leave out the path and the slash at its end' },
    )
  if (drills && !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    throw refused(url.hostname, ['to be without drills, which need no token (drills)'])
}

const refused = (host: string, missing: readonly string[]) =>
  new PlatformError(
    `Cannot listen on '${host.slice(0, 200)}', as a platform that other machines reach needs ${missing.join(', ')}`,
    {
      code: 'exposure_refused',
      hint: 'Give what is missing, or listen on localhost, which only this machine reaches',
    },
  )

function checkCertificate({ certificate, privateKey }: ServerCertificate, names: readonly string[]): void {
  let found: string
  try {
    const leaf = new X509Certificate(certificate)
    const isFor = (name: string) => (isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined
    const unnamed = names.filter((name) => !isFor(name))
    if (!leaf.checkPrivateKey(createPrivateKey(privateKey))) found = 'the key is that of another certificate'
    else if (unnamed.length > 0) found = `it is not for ${unnamed.join(', ')}`
    else return
  } catch {
    // The cause may quote the key.
    found = 'one of the two cannot be read'
  }
  throw new PlatformError(
    `Cannot use the certificate of the platform, as a certificate for its names and the key of it are needed, both as PEM: ${found}`,
    {
      code: 'certificate_unusable',
      hint: 'Give the leaf certificate first, then its chain, and the key without a passphrase',
    },
  )
}
