import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { AppIdentity, certificate } from '@tomte/client'

/** What a platform answered. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** What a replica says when it is ready. */
export interface Ready {
  readonly origin: string
  readonly graphUrl: string
  readonly ca: string
  readonly operator: {
    readonly tenantId: string
    readonly tenantDomain: string
    readonly clientId: string
    readonly certificateFile: string
  }
}

/** An application that proves itself by a secret. */
export interface SecretApp {
  readonly objectId: string
  readonly clientId: string
  readonly secret: string
  readonly keyId: string
}

/** A platform in a process of its own, called without any retry: what fails, fails. */
export interface Replica {
  readonly domain: string
  /** Calls the directory as its operator. */
  graph(method: string, path: string, body?: object): Promise<Answer>
  /** Asks for a token for the directory by secret; the platform's log knows the request by `correlationId`. */
  token(app: SecretApp, correlationId?: string): Promise<Answer>
  /** Ends the process at once, as kill -9 does. */
  kill(): Promise<void>
}

const READY_WITHIN_MS = 60_000
const ANSWER_WITHIN_MS = 20_000

/** Starts a replica on a data folder, and on a PostgreSQL if an address is given. */
export async function startReplica(folder: string, database?: string): Promise<Replica> {
  const { child, gone, ready } = await spawned(folder, database)
  const agent = new Agent({ ca: ready.ca, keepAlive: true, maxSockets: 64 })
  return {
    domain: ready.operator.tenantDomain,
    ...calls(ready, agent),
    kill: async () => {
      child.kill('SIGKILL')
      await gone
      agent.destroy()
    },
  }
}

/** Starts the process of a replica, under another program if its command is given. */
export async function spawned(
  folder: string,
  database: string | undefined,
  [command = process.execPath, ...under]: readonly string[] = [],
) {
  const child = spawn(
    command,
    [
      ...under,
      '--conditions=@tomte/source',
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'replica-process.ts'),
      folder,
    ],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...(database === undefined ? {} : { TOMTE_DRILL_DATABASE: database }) },
    },
  )
  const gone = once(child, 'exit')
  const signal = AbortSignal.timeout(READY_WITHIN_MS)
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line', { signal }),
    gone.then(() => Promise.reject(new Error('the replica ended before it was ready'))),
  ])) as [string]
  return { child, gone, ready: JSON.parse(line) as Ready }
}

function calls(ready: Ready, agent: Agent): Pick<Replica, 'graph' | 'token'> {
  const { tenantId, clientId, certificateFile } = ready.operator
  const operator = new AppIdentity({
    tenantId,
    clientId,
    credential: certificate({ file: certificateFile }),
    authorityHost: ready.origin,
    ca: ready.ca,
  })
  return {
    graph: async (method, path, body) => {
      const { token } = await operator.getToken('https://graph.microsoft.com/.default')
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      return ask(`${ready.graphUrl}${path}`, {
        agent,
        method,
        headers,
        content: body && JSON.stringify(body),
      })
    },
    token: (app, correlationId) =>
      ask(`${ready.origin}/${tenantId}/oauth2/v2.0/token`, {
        agent,
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...(correlationId === undefined ? {} : { 'client-request-id': correlationId }),
        },
        content: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: app.clientId,
          client_secret: app.secret,
          scope: 'https://graph.microsoft.com/.default',
        }).toString(),
      }),
  }
}

/** A request as it is sent. */
export interface Asked {
  readonly agent: Agent
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly content: string | undefined
}

/** Sends a request once. */
export async function ask(url: string, { content, ...options }: Asked): Promise<Answer> {
  const outgoing = request(url, { ...options, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
  outgoing.end(content)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return { status: incoming.statusCode ?? 0, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) }
}

/** Registers an application with a service principal and a secret. */
export async function registerBySecret(replica: Replica): Promise<SecretApp> {
  const application = await done(replica.graph('POST', '/applications', { displayName: 'drill' }))
  const { id, appId } = application as { readonly id: string; readonly appId: string }
  await done(replica.graph('POST', '/servicePrincipals', { appId }))
  return { objectId: id, clientId: appId, ...(await addSecret(replica, id)) }
}

/** Adds a secret to an application. */
export async function addSecret(
  replica: Replica,
  objectId: string,
): Promise<Pick<SecretApp, 'secret' | 'keyId'>> {
  const added = await done(replica.graph('POST', `/applications/${objectId}/addPassword`, {}))
  const { keyId, secretText } = added as { readonly keyId: string; readonly secretText: string }
  return { keyId, secret: secretText }
}

/** The body of an answer that must be a success. */
export async function done(asked: Promise<Answer>): Promise<Answer['body']> {
  const { status, body } = await asked
  if (status < 200 || status > 299) throw new Error(`status ${status}: ${JSON.stringify(body)}`)
  return body
}
