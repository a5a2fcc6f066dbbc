import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AppIdentity } from '@tomte/client'
import { certify, type LocalPlatform } from './local-platform.ts'
import { identityOf, type Rotating } from './rotating.ts'

/** An application whose credential is in a file that every process reads. */
export interface RotatingApp {
  readonly rotating: Rotating
  readonly identity: AppIdentity
  /** What is registered, of this kind: key ids. */
  readonly registered: () => Promise<readonly string[]>
  /** Credentials of others, which nobody may touch. */
  readonly foreign: readonly string[]
  /** The files in the folder of the credential. */
  readonly files: () => Promise<readonly string[]>
  readonly remove: () => Promise<void>
}

interface Listed {
  readonly keyId: string
}

const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000'
const PROCESS_LIMIT_MS = 120_000
/** Lets the application change its own registration. */
export async function letRotate({ directory, clientId }: LocalPlatform): Promise<void> {
  const resource = (await directory.get(`/servicePrincipals(appId='${GRAPH_APP_ID}')`)) as {
    readonly id: string
    readonly appRoles: readonly { readonly id: string; readonly value: string }[]
  }
  const { id: principalId } = (await directory.get(`/servicePrincipals(appId='${clientId}')`)) as {
    readonly id: string
  }
  const appRoleId = resource.appRoles.find(({ value }) => value === 'Application.ReadWrite.OwnedBy')?.id
  const assignment = { principalId, resourceId: resource.id, appRoleId }
  await directory.post(`/servicePrincipals/${principalId}/appRoleAssignments`, assignment)
}

/** Puts a first credential into a file of a new folder, registered beside one of somebody else. */
export async function rotatingApp(
  { origin, ca, tenants, clientId, objectId, directory }: LocalPlatform,
  kind: Rotating['kind'],
): Promise<RotatingApp> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-rotation-'))
  const file = join(folder, kind)
  const path = `/applications/${objectId}`
  const listed = async () =>
    ((await directory.get(path)) as Readonly<Record<string, readonly Listed[]>>)[
      kind === 'certificate' ? 'keyCredentials' : 'passwordCredentials'
    ]?.map(({ keyId }) => keyId) ?? []
  const register = kind === 'certificate' ? registerCertificate : registerSecret
  if (kind === 'certificate') await directory.patch(path, { keyCredentials: [] })
  await register(directory, path, 'stranger')
  const foreign = await listed()
  await writeFile(file, await register(directory, path, 'own'), { mode: 0o600 })
  const tenantId = tenants[0] ?? ''
  return {
    rotating: { kind, file, origin, ca, tenantId, clientId },
    identity: identityOf({ kind, file, origin, ca, tenantId, clientId }),
    registered: listed,
    foreign,
    files: () => readdir(folder),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

type Directory = LocalPlatform['directory']

async function registerCertificate(directory: Directory, path: string, name: string): Promise<string> {
  const { keyCredentials } = (await directory.get(path)) as { readonly keyCredentials: readonly object[] }
  const { keyCredential, pem } = await certify(name, Date.now())
  await directory.patch(path, { keyCredentials: [...keyCredentials, keyCredential] })
  return pem
}

async function registerSecret(directory: Directory, path: string, displayName: string): Promise<string> {
  const added = await directory.post(`${path}/addPassword`, { passwordCredential: { displayName } })
  return (added as { readonly secretText: string }).secretText
}

/** Rotates in a process of its own, which may be killed; gives the signal that ended it, or `null`. */
export async function rotateElsewhere(rotating: Rotating): Promise<NodeJS.Signals | null> {
  const program = join(import.meta.dirname, 'rotate-process.ts')
  const args = ['--conditions=@tomte/source', program, JSON.stringify(rotating)]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: PROCESS_LIMIT_MS,
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  if (code !== null && code !== 0) throw new Error(`Cannot rotate in another process: it ended with ${code}`)
  return signal
}

/** What is in the credential's file, to see that it is another. */
export const contentOf = ({ file }: Rotating): Promise<string> => readFile(file, 'utf8')
