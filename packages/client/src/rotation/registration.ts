import { createHash } from 'node:crypto'
import type { Api } from '../call/api.ts'
import { ApiError } from '../call/errors.ts'
import { PermissionError, ProtocolError } from '../errors.ts'

/** A certificate or a secret as the application's registration lists it (wire.md §13.2). */
export interface RegisteredCredential {
  readonly kind: 'certificate' | 'secret'
  readonly keyId: string
  readonly displayName: string | undefined
  /** SHA-1 of the certificate in upper-case hexadecimal, as the portal shows it, if the registration tells. */
  readonly thumbprint: string | undefined
  /** The first characters of a secret. */
  readonly hint: string | undefined
  readonly expiresAtMs: number | undefined
}

/** An application's own registration. */
export interface Registration {
  readonly objectId: string
  readonly credentials: readonly RegisteredCredential[]
}

type Json = Readonly<Record<string, unknown>>

const CREDENTIALS_MAX = 1_000
const GUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** Reads the registration of an application. @throws TomteError whatever the directory's refusal asks for. */
export async function readRegistration(directory: Api, clientId: string): Promise<Registration> {
  const path = `/applications(appId='${encodeURIComponent(clientId)}')`
  const found = objectIn(
    await directory.get(`${path}?$select=id,keyCredentials,passwordCredentials`),
    'application',
  )
  return {
    objectId: guidOf(found['id'], 'id'),
    credentials: [
      ...listOf(found['keyCredentials'], 'keyCredentials').map((one) => credentialOf(one, 'certificate')),
      ...listOf(found['passwordCredentials'], 'passwordCredentials').map((one) =>
        credentialOf(one, 'secret'),
      ),
    ],
  }
}

/**
 * Lists the certificates and secrets of an application's registration with their ends, and `undefined` where the application may
 * not read it (403), or it is in another tenant (404). To read needs `Application.Read.All`, or `Application.ReadWrite.OwnedBy`.
 *
 * @throws TomteError one of its subclasses for any other refusal.
 * @example
 * ```ts
 * import { AppIdentity, graph, identityFromEnvironment } from '@tomte/client'
 * import { registeredCredentials } from '@tomte/client/rotation'
 * const identity = new AppIdentity(identityFromEnvironment(process.env))
 * for (const { kind, displayName, expiresAtMs } of (await registeredCredentials(graph(identity), identity.clientId)) ?? [])
 *   console.log(kind, displayName, expiresAtMs)
 * ```
 */
export async function registeredCredentials(
  directory: Api,
  clientId: string,
): Promise<readonly RegisteredCredential[] | undefined> {
  try {
    return (await readRegistration(directory, clientId)).credentials
  } catch (error) {
    if (error instanceof PermissionError) return undefined
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

/** Adds a certificate on the word of a registered one, and returns its `keyId`. */
export async function addKey(
  directory: Api,
  objectId: string,
  { der, displayName, proof }: { readonly der: string; readonly displayName: string; readonly proof: string },
): Promise<string> {
  const keyCredential = { type: 'AsymmetricX509Cert', usage: 'Verify', key: der, displayName }
  const added = await directory.post(`/applications/${objectId}/addKey`, {
    keyCredential,
    passwordCredential: null,
    proof,
  })
  return guidOf(objectIn(added, 'key credential')['keyId'], 'keyId')
}

/** Removes a certificate on the word of a registered one. */
export async function removeKey(
  directory: Api,
  objectId: string,
  body: { readonly keyId: string; readonly proof: string },
): Promise<void> {
  await directory.post(`/applications/${objectId}/removeKey`, body)
}

/** A secret whose text is shown this once. */
export interface AddedSecret extends RegisteredCredential {
  readonly text: string
}

/** Lets the directory make a secret. */
export async function addPassword(
  directory: Api,
  objectId: string,
  { displayName, endsAtMs }: { readonly displayName: string; readonly endsAtMs: number },
): Promise<AddedSecret> {
  const passwordCredential = { displayName, endDateTime: new Date(endsAtMs).toISOString() }
  const added = objectIn(
    await directory.post(`/applications/${objectId}/addPassword`, { passwordCredential }),
    'password credential',
  )
  const text = textOf(added['secretText'])
  if (text === undefined || text === '') throw malformed('"secretText" is not a text')
  return { ...credentialOf(added, 'secret'), hint: textOf(added['hint']) ?? text.slice(0, 3), text }
}

/** Removes a secret. */
export async function removePassword(directory: Api, objectId: string, keyId: string): Promise<void> {
  await directory.post(`/applications/${objectId}/removePassword`, { keyId })
}

function credentialOf(sent: unknown, kind: RegisteredCredential['kind']): RegisteredCredential {
  const one = objectIn(sent, `${kind} of the application`)
  const endsAtMs = Date.parse(textOf(one['endDateTime']) ?? '')
  return {
    kind,
    keyId: guidOf(one['keyId'], 'keyId'),
    displayName: textOf(one['displayName']),
    thumbprint: kind === 'certificate' ? thumbprintOf(one) : undefined,
    hint: textOf(one['hint']),
    expiresAtMs: Number.isNaN(endsAtMs) ? undefined : endsAtMs,
  }
}

/** Of the certificate itself where it is sent; else `customKeyIdentifier`, which is its thumbprint by default. */
function thumbprintOf({ key, customKeyIdentifier }: Json): string | undefined {
  if (typeof key === 'string' && key !== '')
    return createHash('sha1').update(Buffer.from(key, 'base64')).digest('hex').toUpperCase()
  if (typeof customKeyIdentifier !== 'string') return undefined
  if (/^[0-9a-f]{40}$/i.test(customKeyIdentifier)) return customKeyIdentifier.toUpperCase()
  const bytes = Buffer.from(customKeyIdentifier, 'base64')
  return bytes.length === SHA1_BYTES ? bytes.toString('hex').toUpperCase() : undefined
}

const SHA1_BYTES = 20

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined)

function guidOf(value: unknown, name: string): string {
  if (typeof value === 'string' && GUID.test(value)) return value.toLowerCase()
  throw malformed(`"${name}" is not a GUID`)
}

function objectIn(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw malformed(`the ${what} is not a JSON object`)
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.length <= CREDENTIALS_MAX) return value
  throw malformed(`"${name}" is not a list of at most ${CREDENTIALS_MAX}`)
}

function malformed(found: string): ProtocolError {
  return new ProtocolError(
    `Cannot use the directory's answer, as an application with its credentials is needed: ${found}`,
    {
      code: 'registration_malformed',
      hint: 'Check that the directory is Microsoft Graph, or speaks like it',
    },
  )
}
