import { randomUUID } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Now } from '../clock.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import { makeSelfSigned } from '../tls/certificates.ts'
import { seal, unseal } from './sealing.ts'
import { type SigningKey, signingKey } from './signing-key.ts'

type Row = Selectable<Schema['token_signing_certificate']>

/** The key that a resource wants its tokens signed with, and when it may sign. */
export interface PreferredKey {
  readonly kid: string
  readonly startAtMs: number
  readonly endAtMs: number
}

/** A key of an application's own, and the tenant whose tokens it signs. */
export interface PublishedKey {
  readonly key: SigningKey
  readonly tenantId: string
}

export interface OwnSigningKeysOptions {
  readonly db: Database
  readonly sealingKey: Buffer
  readonly now: Now
}

const OPENED_MAX = 1_000
const PUBLISHED_MAX = 90
// The longest token lives a day (wire.md §12); the hour is for clocks that differ.
const TOKENS_OUTLIVE_KEY_MS = 25 * 60 * 60 * 1000

/**
 * Keys that sign the tokens for one API alone, in one tenant (wire.md §7). They are opened when they are first wanted, since
 * there may be many; a key never changes, so what was opened stays right.
 */
export class OwnSigningKeys {
  readonly #options: OwnSigningKeysOptions
  #opened = new Map<string, Promise<SigningKey | undefined>>()

  constructor(options: OwnSigningKeysOptions) {
    this.#options = options
  }

  /** Makes a key with a certificate of its own, its private half encrypted, within the caller's transaction. */
  async make(db: Database, { servicePrincipalId, commonName, endAtMs }: Wanted): Promise<Row> {
    const { now, sealingKey } = this.#options
    const startAtMs = now()
    const made = await makeSelfSigned(commonName, { notBeforeMs: startAtMs, notAfterMs: endAtMs })
    const { kid, certificate } = signingKey(made.certificate, made.privateKey, startAtMs)
    const row = {
      key_id: randomUUID(),
      service_principal_id: servicePrincipalId,
      display_name: `CN=${commonName}`,
      kid,
      thumbprint_sha1: certificate.fingerprint.replaceAll(':', ''),
      certificate: made.certificate,
      sealed_private_key: seal(made.privateKey, kid, sealingKey),
      start_at_ms: Date.parse(certificate.validFrom),
      end_at_ms: Date.parse(certificate.validTo),
    }
    await db.insertInto('token_signing_certificate').values(row).execute()
    return row
  }

  /** The key that a resource prefers, if it is still there and within its time. */
  async preferred(wanted: PreferredKey | undefined): Promise<SigningKey | undefined> {
    if (!wanted) return undefined
    const nowMs = this.#options.now()
    if (nowMs < wanted.startAtMs || nowMs > wanted.endAtMs) return undefined
    const { kid } = wanted
    const known = this.#opened.get(kid)
    if (known) return known
    const opened = this.#open(kid)
    if (this.#opened.size >= OPENED_MAX) this.#opened = new Map()
    this.#opened.set(kid, opened)
    opened.then(
      (key) => key ?? this.#opened.delete(kid),
      () => this.#opened.delete(kid),
    )
    return opened
  }

  async #open(kid: string): Promise<SigningKey | undefined> {
    const row = await this.#options.db
      .selectFrom('token_signing_certificate')
      .selectAll()
      .where('kid', '=', kid)
      .executeTakeFirst()
    return (
      row && signingKey(row.certificate, unseal(row.sealed_private_key, kid, this.#options.sealingKey), 0)
    )
  }

  /** The keys of an application's own whose tokens may not have ended, in one tenant or in all. */
  async published(appId: string, tenantId: string | undefined): Promise<readonly PublishedKey[]> {
    const { db, now, sealingKey } = this.#options
    let select = db
      .selectFrom('token_signing_certificate as own')
      .innerJoin('service_principal as principal', 'principal.id', 'own.service_principal_id')
      .select(['own.kid', 'own.certificate', 'own.sealed_private_key', 'principal.tenant_id'])
      .where('principal.app_id', '=', appId)
      .where('own.end_at_ms', '>', now() - TOKENS_OUTLIVE_KEY_MS)
    if (tenantId !== undefined) select = select.where('principal.tenant_id', '=', tenantId)
    const rows = await select
      .orderBy('own.start_at_ms', 'desc')
      .orderBy('own.kid')
      .limit(PUBLISHED_MAX)
      .execute()
    return rows.map(({ kid, certificate, sealed_private_key: sealed, tenant_id }) => ({
      key: signingKey(certificate, unseal(sealed, kid, sealingKey), 0),
      tenantId: tenant_id,
    }))
  }
}

/** A key to make: for which service principal, its certificate's common name, and until when. */
export interface Wanted {
  readonly servicePrincipalId: string
  readonly commonName: string
  readonly endAtMs: number
}
