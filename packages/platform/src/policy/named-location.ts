import { BlockList, isIP } from 'node:net'
import { badRequest } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import { onlyThese, optionalFlag, requiredName } from './policy-shape.ts'
import type { PolicyBody } from './policies.ts'

const TYPE = '#microsoft.graph.ipNamedLocation'
const RANGES_MAX = 2000

interface Range {
  readonly '@odata.type': string
  readonly cidrAddress: string
}

/** Reads a named location: address ranges; the country of an address cannot be known here. @throws GraphError 400. */
export function readNamedLocation(sent: PolicyBody, known: PolicyBody = {}): PolicyBody {
  const merged: PolicyBody = { ...known, ...sent }
  if (merged['@odata.type'] !== TYPE)
    throw badRequest(`A named location here is of '@odata.type' ${TYPE}: countries are not known.`)
  onlyThese(merged, ['@odata.type', 'displayName', 'isTrusted', 'ipRanges'])
  const { ipRanges } = merged
  if (!Array.isArray(ipRanges) || ipRanges.length === 0 || ipRanges.length > RANGES_MAX)
    throw badRequest(`Property 'ipRanges' must be a list of 1 to ${RANGES_MAX}.`)
  return {
    '@odata.type': TYPE,
    displayName: requiredName(merged['displayName']),
    isTrusted: optionalFlag(merged['isTrusted'], 'isTrusted'),
    ipRanges: ipRanges.map((range: unknown) => readRange(bodyObject(range))),
  }
}

function readRange({ '@odata.type': type, cidrAddress, ...others }: PolicyBody): Range {
  onlyThese(others, [])
  const cidr = typeof cidrAddress === 'string' ? parseCidr(cidrAddress) : undefined
  const expected = cidr && `#microsoft.graph.iPv${cidr.version}CidrRange`
  if (typeof cidrAddress !== 'string' || !expected || (type !== undefined && type !== expected))
    throw badRequest(
      "An IP range needs a 'cidrAddress' such as 192.0.2.0/24 or 2001:db8::/32, of its own type.",
    )
  return { '@odata.type': expected, cidrAddress }
}

interface Cidr {
  readonly address: string
  readonly prefix: number
  readonly version: 4 | 6
}

function parseCidr(text: string): Cidr | undefined {
  const [address = '', bits = '', ...rest] = text.split('/')
  const version = isIP(address)
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : -1
  if (rest.length > 0 || (version !== 4 && version !== 6)) return undefined
  return prefix >= 0 && prefix <= (version === 4 ? 32 : 128) ? { address, prefix, version } : undefined
}

/** A named location as it is asked whether an address is in it. */
export interface Location {
  readonly id: string
  readonly isTrusted: boolean
  includes(address: string): boolean
}

/** Makes a location of what is stored of it. */
export function locationOf(id: string, body: PolicyBody): Location {
  const list = new BlockList()
  for (const { cidrAddress } of body['ipRanges'] as readonly Range[]) {
    const cidr = parseCidr(cidrAddress)
    if (cidr) list.addSubnet(cidr.address, cidr.prefix, `ipv${cidr.version}`)
  }
  return {
    id,
    isTrusted: body['isTrusted'] === true,
    includes: (address) => {
      // A socket for both families shows IPv4 addresses in the clothes of IPv6.
      const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
      const version = isIP(plain)
      return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
    },
  }
}
