import { createHash } from 'node:crypto'
import { isSignedBy, type Jwt } from '../jwt.ts'
import { findAuthorities } from '../policy/certificate-authorities.ts'
import {
  type TrustedCertificateSubject,
  trustedSubjectsIn,
} from '../registration/trusted-certificate-subjects.ts'
import type { ReadCache } from '../store/read-cache.ts'
import {
  type Authorities,
  type ReadCertificate,
  readCertificate,
  subjectNames,
  type TrustedChain,
  trustedChain,
  UntrustedChain,
} from '../tls/certificate-chain.ts'
import { iso } from './assertion-time.ts'
import type { Client } from './client.ts'
import { TokenRefusal } from './refusal.ts'

/** The certificates that an assertion brings along: five, and a root. */
const SENT_MAX = 6
const NAMES_MAX = 10

/** The certificates in `x5c`, leaf first: a list, or one text as MSAL .NET writes it. @throws TokenRefusal 50027. */
export function sentCertificates({ header }: Jwt): readonly ReadCertificate[] {
  const { x5c } = header
  if (x5c === undefined) return []
  const list: readonly unknown[] = Array.isArray(x5c) ? x5c : [x5c]
  const read = list.length > SENT_MAX ? [] : list.flatMap((text) => readCertificate(text) ?? [])
  if (read.length > 0 && read.length === list.length) return read
  throw new TokenRefusal(50027, {
    reason: `x5c must be 1 to ${SENT_MAX} certificates, each DER of at most 6 kB in base64.`,
  })
}

interface Trusted extends TrustedCertificateSubject {
  readonly authorities: Authorities
}

export interface SubjectProof {
  readonly assertion: Jwt
  readonly client: Client
  /** Leaf first. */
  readonly sent: readonly ReadCertificate[]
  readonly nowMs: number
}

/**
 * Checks an assertion by the name of its certificate, as far as the application trusts names: the subject must be one that it
 * states, and the chain must lead to the authority that it states for it (wire.md §4). Returns what the sign-in log names the
 * certificate by, or nothing if the application trusts no names at all.
 *
 * @throws TokenRefusal 700030, 700027, 7000214, 1000502.
 */
export async function proveBySubjectName(cache: ReadCache, proof: SubjectProof): Promise<string | undefined> {
  const { assertion, client, sent, nowMs } = proof
  const [leaf] = sent
  const trusted = await trustedBy(cache, client)
  if (!leaf || trusted.length === 0) return undefined
  const names = subjectNames(leaf)
  const known = new Set(names.map(folded))
  const named = trusted.filter(({ subjectName }) => known.has(folded(subjectName)))
  if (named.length === 0)
    throw new TokenRefusal(700030, { names: names.slice(0, NAMES_MAX).join(', ') || 'none' })
  const { subject, found } = await firstTrusted(cache, proof, named)
  const revoked = new Set((subject.revokedCertificateIdentifiers ?? []).map(identifier))
  const [thumbprint = ''] = leaf.identifiers
  if (found.chain.some((one) => one.identifiers.some((id) => revoked.has(id))))
    throw new TokenRefusal(7000214, { thumbprint })
  if (nowMs < found.fromMs || nowMs > found.toMs)
    throw new TokenRefusal(1000502, { from: iso(found.fromMs), to: iso(found.toMs) })
  if (!isSignedBy(assertion, leaf.node.publicKey))
    throw refused(proof, 'The provided signature value did not match the expected signature value.')
  return thumbprint
}

// Names of hosts have no letter case (RFC 4343), and Windows tools write a subject as CN=….
const folded = (name: string) => name.replace(/^CN=/i, '').toLowerCase()
// Serial numbers and thumbprints are written in many ways.
const identifier = (text: string) => text.replaceAll(/[^0-9a-f]/gi, '').toUpperCase()

const trustedBy = (cache: ReadCache, { id, homeTenantId }: Client): Promise<readonly Trusted[]> =>
  cache.read(`subjects ${id}`, async (db) => {
    const { properties } = await db
      .selectFrom('application')
      .select('properties')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const found: Trusted[] = []
    for (const subject of trustedSubjectsIn(properties)) {
      const authorities = await findAuthorities(db, homeTenantId, subject.authorityId.toLowerCase())
      if (authorities) found.push({ ...subject, authorities })
    }
    return found
  })

interface Found {
  readonly subject: Trusted
  readonly found: TrustedChain
}

/** The first of the stated subjects to whose authority the chain leads. What was found is kept; what was refused is not. */
async function firstTrusted(
  cache: ReadCache,
  proof: SubjectProof,
  named: readonly Trusted[],
): Promise<Found> {
  const { sent, client } = proof
  const digest = createHash('sha256')
  for (const { node } of sent) digest.update(node.raw)
  const chain = digest.digest('base64')
  const faults: string[] = []
  for (const subject of named) {
    const key = `chain ${client.id} ${subject.authorityId} ${chain}`
    try {
      const found = await cache.read(key, async () => trustedChain(sent, subject.authorities))
      return { subject, found }
    } catch (error) {
      if (!(error instanceof UntrustedChain)) throw error
      faults.push(error.message)
    }
  }
  throw refused(proof, `The chain in x5c is not trusted: ${faults.join('; ')}.`)
}

const refused = ({ client, sent: [leaf] }: SubjectProof, reason: string) =>
  new TokenRefusal(700027, {
    reason,
    thumbprint: leaf?.identifiers[0] ?? '',
    client: client.appId,
    registered: 'certificates by their subject',
  })
