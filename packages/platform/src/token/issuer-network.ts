import { lookup as lookUp, type LookupAddress } from 'node:dns'
import { get } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { errorCode } from '../errors.ts'

/** How the documents of other identity providers are fetched. */
export interface IssuerNetwork {
  /** Whether an issuer may be on this machine or in a private network. */
  readonly allowPrivate: boolean
  /** The certificate authorities to trust, as PEM; `undefined` trusts those that Node trusts. */
  readonly ca: readonly string[] | undefined
  /** Ends one request, from the look-up of its name to its last byte: after 5 s where nothing else is said. */
  readonly deadline?: (() => AbortSignal) | undefined
}

/** An issuer that gave no usable answer, and why, in words that repeat nothing of what it sent. */
export class IssuerUnreachable extends Error {
  override readonly name = 'IssuerUnreachable'
}

const TIME_MAX_MS = 5000
const fiveSeconds = () => AbortSignal.timeout(TIME_MAX_MS)
const BYTES_MAX = 256 * 1024

/**
 * Gets a JSON object over https: within 5 s, of at most 256 kB, without following redirects, and from public addresses alone
 * unless others are allowed. The address that is checked is the one that is connected to.
 *
 * @throws IssuerUnreachable for anything else.
 */
export async function getJson(
  address: string,
  network: IssuerNetwork,
): Promise<Readonly<Record<string, unknown>>> {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw new IssuerUnreachable('Its addresses must be https URLs.')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!network.allowPrivate && isIP(host) !== 0 && isPrivate(host)) throw privateAddress()
  return jsonObject(await getText(url, network))
}

function getText(url: URL, { allowPrivate, ca, deadline = fiveSeconds }: IssuerNetwork): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      // A connection of its own: nothing is left open to a host that another asked for.
      agent: false,
      headers: { accept: 'application/json' },
      signal: deadline(),
      ...(ca === undefined ? {} : { ca: [...ca] }),
      ...(allowPrivate ? {} : { lookup: publicLookup }),
    }
    const request = get(url, options, (response) => {
      const fail = (reason: string) => request.destroy(new IssuerUnreachable(reason))
      if (response.statusCode !== 200) return void fail(`It answered with status ${response.statusCode}.`)
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > BYTES_MAX) fail(`It answered with more than ${BYTES_MAX} bytes.`)
        else chunks.push(chunk)
      })
      response.on('error', (error) => reject(unreachable(error)))
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    })
    request.on('error', (error) => reject(unreachable(error)))
  })
}

function unreachable(error: Error): IssuerUnreachable {
  if (error instanceof IssuerUnreachable) return error
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return new IssuerUnreachable(`It did not answer within ${TIME_MAX_MS / 1000} s.`)
  return new IssuerUnreachable(`The connection failed: ${errorCode(error) ?? 'no reason was given'}.`)
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>
  } catch {
    // Falls through: unreadable is refused like unfit.
  }
  throw new IssuerUnreachable('It answered with something else than a JSON object.')
}

const privateAddress = () =>
  new IssuerUnreachable('Its host has a private address, which this platform does not ask.')

/** Resolves a name to public addresses, or fails: one private address among them is enough to refuse. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookUp(hostname, { ...options, all: true }, (error, found: readonly LookupAddress[]) => {
    if (error) return callback(error, '')
    const [first] = found
    if (!first) return callback(new IssuerUnreachable('Its host has no address.'), '')
    if (found.some(({ address }) => isPrivate(address))) return callback(privateAddress(), '')
    return options.all ? callback(null, [...found]) : callback(null, first.address, first.family)
  })
}

// Addresses that are no host of the public internet: IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890).
const NOT_PUBLIC_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const
// Of IPv6, only 2000::/3 is public, but for documentation and for tunnels that can carry any IPv4 address.
const NOT_PUBLIC_V6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const

const notPublic = new BlockList()
for (const [network, bits] of NOT_PUBLIC_V4) notPublic.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of NOT_PUBLIC_V6) notPublic.addSubnet(network, bits, 'ipv6')
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** Whether an IP address is anything but a host of the public internet. */
export function isPrivate(address: string): boolean {
  const version = isIP(address)
  if (version === 4) return notPublic.check(address, 'ipv4')
  return version !== 6 || !globalUnicast.check(address, 'ipv6') || notPublic.check(address, 'ipv6')
}
