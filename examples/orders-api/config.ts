import { readFileSync } from 'node:fs'

type Environment = Readonly<Record<string, string | undefined>>

/** What the API needs to know of its surroundings. */
export interface ApiSettings {
  readonly tenantId: string
  /** The application id as which the API is registered: the audience of its v2.0 tokens. */
  readonly clientId: string
  readonly authorityHost: string | undefined
  readonly port: number
  readonly certificate: string
  readonly key: string
}

export const apiSettings = (environment: Environment = process.env): ApiSettings => ({
  tenantId: needed(environment, 'AZURE_TENANT_ID'),
  clientId: needed(environment, 'ORDERS_API_CLIENT_ID'),
  authorityHost: environment['AZURE_AUTHORITY_HOST'],
  port: Number(environment['PORT'] ?? 8444),
  certificate: readFileSync(needed(environment, 'TLS_CERTIFICATE_PATH'), 'utf8'),
  key: readFileSync(needed(environment, 'TLS_KEY_PATH'), 'utf8'),
})

/** What the daemon needs beside its identity, which finds its own variables. */
export interface DaemonSettings {
  readonly environment: Environment
  readonly baseUrl: string
  readonly scope: string
}

export const daemonSettings = (environment: Environment = process.env): DaemonSettings => ({
  environment,
  baseUrl: needed(environment, 'ORDERS_API_URL'),
  scope: `api://${needed(environment, 'ORDERS_API_CLIENT_ID')}/.default`,
})

function needed(environment: Environment, name: string): string {
  const value = environment[name]
  if (value === undefined || value === '')
    throw new Error(`Cannot start, as the variable ${name} is needed: found nothing`)
  return value
}
