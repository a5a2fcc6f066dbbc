import { badRequest } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import type { Database } from '../store/database.ts'
import {
  type Authorities,
  authorityFault,
  readCertificate,
  subjectKeyIdentifier,
} from '../tls/certificate-chain.ts'
import { onlyThese, optionalText, requiredName } from './policy-shape.ts'
import type { PolicyBody } from './policies.ts'

const AUTHORITIES_MAX = 10

/** The kind of policy that holds trusted certificate authorities. */
export const CERTIFICATE_AUTHORITIES = 'certificateBasedApplicationConfigurations'

/** A trusted certificate authority as Graph shows it. */
interface Authority {
  readonly isRootAuthority: boolean
  /** DER in base64. */
  readonly certificate: string
  readonly issuer: string
  readonly issuerSubjectKeyIdentifier: string
}

/**
 * Reads which certificate authorities an administrator trusts to name applications (Graph,
 * `certificateBasedApplicationConfiguration`): at most ten, and at least one of them a root.
 *
 * @throws GraphError 400.
 */
export function readCertificateAuthorities(sent: PolicyBody, known: PolicyBody = {}): PolicyBody {
  const merged: PolicyBody = { ...known, ...sent }
  onlyThese(merged, ['displayName', 'description', 'trustedCertificateAuthorities'])
  const { trustedCertificateAuthorities: list } = merged
  if (!Array.isArray(list) || list.length === 0 || list.length > AUTHORITIES_MAX)
    throw badRequest(`Property 'trustedCertificateAuthorities' must be a list of 1 to ${AUTHORITIES_MAX}.`)
  const authorities = list.map((one: unknown) => readAuthority(bodyObject(one)))
  if (!authorities.some(({ isRootAuthority }) => isRootAuthority))
    throw badRequest("One of 'trustedCertificateAuthorities' must be a root authority.")
  return {
    displayName: requiredName(merged['displayName']),
    description: optionalText(merged['description'], 'description'),
    trustedCertificateAuthorities: authorities,
  }
}

function readAuthority(sent: PolicyBody): Authority {
  const { isRootAuthority, certificate, ...others } = sent
  // What Graph works out from the certificate comes back with what was read.
  onlyThese(others, ['@odata.type', 'issuer', 'issuerSubjectKeyIdentifier'])
  if (typeof isRootAuthority !== 'boolean')
    throw badRequest("Property 'isRootAuthority' must be true or false.")
  const read = readCertificate(certificate)
  if (!read) throw badRequest("Property 'certificate' must be a DER certificate of at most 6 kB in base64.")
  const fault = authorityFault(read)
  if (fault !== undefined)
    throw badRequest(`The certificate '${read.parsed.subject}' cannot be trusted: ${fault}.`)
  if (
    isRootAuthority !== (read.parsed.subject === read.parsed.issuer && read.node.verify(read.node.publicKey))
  )
    throw badRequest("A root authority, and no other, has issued its own certificate ('isRootAuthority').")
  return {
    isRootAuthority,
    certificate: read.node.raw.toString('base64'),
    issuer: read.parsed.issuer,
    issuerSubjectKeyIdentifier: subjectKeyIdentifier(read) ?? '',
  }
}

/** The authorities of a configuration of this tenant; nothing if there is none, and then nothing is trusted. */
export async function findAuthorities(
  db: Database,
  tenantId: string,
  id: string,
): Promise<Authorities | undefined> {
  const row = await db
    .selectFrom('policy')
    .select('body')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', CERTIFICATE_AUTHORITIES)
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row) return undefined
  const { trustedCertificateAuthorities: list } = JSON.parse(row.body) as {
    readonly trustedCertificateAuthorities: readonly Authority[]
  }
  const certificates = (isRoot: boolean) =>
    list
      .filter(({ isRootAuthority }) => isRootAuthority === isRoot)
      .flatMap(({ certificate }) => readCertificate(certificate) ?? [])
  return { roots: certificates(true), intermediates: certificates(false) }
}
