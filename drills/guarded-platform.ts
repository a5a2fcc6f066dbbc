// A platform, and an API behind the guard that takes its tokens of both versions; the daemon asks for a new one for each call.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request as plainRequest } from 'node:http'
import { Agent, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, AppIdentity, certificate, graph } from '@tomte/client'
import { createGuard, entra, permissionTable } from '@tomte/guard'
import { guarded } from '@tomte/guard/node'
import { startPlatform } from '@tomte/platform'
import { httpsJson } from './https-json.ts'

const ROLE = 'Orders.Read.All'

/** The versions of tokens, each asked for by an API of its own. */
export const VERSIONS = ['1.0', '2.0'] as const
export type Version = (typeof VERSIONS)[number]

export interface GuardedPlatform {
  /** Makes the platform sign by a new key from now on, by its own API. */
  rotate(): Promise<void>
  /** A token that no cache holds. */
  token(version: Version): Promise<string>
  /** Calls the API and resolves with the status of its answer. */
  call(token: string): Promise<number>
  stop(): Promise<void>
}

/** Starts both on the clock that is given. */
export async function startGuardedPlatform(now: () => number): Promise<GuardedPlatform> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tomte-drill-'))
  const platform = await startPlatform({ dataFolder, port: 0, drills: true, now })
  const { origin, ca, graphUrl, operator } = platform
  const { tenantId, clientId } = operator
  const credential = certificate({ file: operator.certificateFile })
  const administrator = new AppIdentity({ tenantId, clientId, credential, authorityHost: origin, ca })
  const scene = await register(graph(administrator, { baseUrl: graphUrl, ca }))
  const clock = clockOf(now)
  const guard = createGuard({
    audience: VERSIONS.flatMap((version) => [scene.apis[version].appId, scene.apis[version].uri]),
    issuers: entra({ tenants: [tenantId], authorityHost: origin, ca, clock }),
    now,
  })
  const permissions = permissionTable({ 'GET /orders': [ROLE] })
  const server = createServer(
    guarded({ guard, permissions, onError: (error) => assertNever(error) }, (_request, response) =>
      response.end('[]'),
    ),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ ca, keepAlive: true })
  return {
    rotate: async () => void (await httpsJson('POST', `${origin}/drills/keys`, ca, {})),
    token: (version) =>
      tokenFrom(`${origin}/${tenantId}/oauth2/v2.0/token`, agent, {
        grant_type: 'client_credentials',
        client_id: scene.clientId,
        client_secret: scene.secret,
        scope: `${scene.apis[version].uri}/.default`,
      }),
    call: async (token) => {
      const headers = { authorization: `Bearer ${token}` }
      const outgoing = plainRequest(`http://127.0.0.1:${port}/orders`, { headers })
      const [{ statusCode = 0 }] = await answered(outgoing.end())
      return statusCode
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      agent.destroy()
      await platform.close()
      await rm(dataFolder, { recursive: true, force: true })
    },
  }
}

function assertNever(error: unknown): never {
  throw error
}

function clockOf(now: () => number) {
  return {
    now,
    after: (ms: number, end: () => void) => {
      const timer = setTimeout(end, ms)
      return () => clearTimeout(timer)
    },
  }
}

interface Scene {
  readonly clientId: string
  readonly secret: string
  readonly apis: Readonly<Record<Version, { readonly appId: string; readonly uri: string }>>
}

interface Created {
  readonly id: string
  readonly appId: string
}

/** As an administrator does: two APIs with one role each, and a daemon that has both. */
async function register(directory: Api): Promise<Scene> {
  const create = async (properties: object) => {
    const made = (await directory.post('/applications', properties)) as Created
    const principal = (await directory.post('/servicePrincipals', { appId: made.appId })) as Created
    return { ...made, principalId: principal.id }
  }
  const daemon = await create({ displayName: 'daemon' })
  const { secretText: secret } = (await directory.post(`/applications/${daemon.id}/addPassword`, {
    passwordCredential: { displayName: 'drill' },
  })) as { readonly secretText: string }
  const apiOf = async (version: Version) => {
    const roleId = randomUUID()
    const uri = `api://orders-${Number(version)}`
    const role = { id: roleId, value: ROLE, displayName: ROLE, description: ROLE }
    const api = await create({
      displayName: uri,
      identifierUris: [uri],
      api: { requestedAccessTokenVersion: Number(version) },
      appRoles: [{ ...role, allowedMemberTypes: ['Application'], isEnabled: true }],
    })
    await directory.post(`/servicePrincipals/${daemon.principalId}/appRoleAssignments`, {
      principalId: daemon.principalId,
      resourceId: api.principalId,
      appRoleId: roleId,
    })
    return { appId: api.appId, uri }
  }
  return { clientId: daemon.appId, secret, apis: { '1.0': await apiOf('1.0'), '2.0': await apiOf('2.0') } }
}

async function tokenFrom(url: string, agent: Agent, form: Record<string, string>): Promise<string> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const outgoing = request(url, { method: 'POST', agent, headers })
  const [{ statusCode }, text] = await answered(outgoing.end(new URLSearchParams(form).toString()))
  if (statusCode !== 200) throw new Error(`Cannot load the API, as a token is needed: status ${statusCode}`)
  return (JSON.parse(text) as { readonly access_token: string }).access_token
}

async function answered(outgoing: ReturnType<typeof request>): Promise<[IncomingMessage, string]> {
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return [incoming, Buffer.concat(chunks).toString()]
}
