// The daemon: it reads the orders as itself, with nobody signed in. Its identity comes from the environment.
import { AppIdentity, api, identityFromEnvironment } from '@tomte/client'
import { daemonSettings } from './config.ts'

const { environment, baseUrl, scope } = daemonSettings()
const identity = new AppIdentity(identityFromEnvironment(environment))
const ordersApi = api(identity, { baseUrl, scope, permissions: ['access_as_application'] })

try {
  const { value } = (await ordersApi.get('orders')) as {
    readonly value: readonly { readonly number: string; readonly item: string; readonly quantity: number }[]
  }
  for (const { number, item, quantity } of value) process.stdout.write(`${number}: ${quantity} × ${item}\n`)
} catch (error) {
  const { message, hint } = error as { readonly message: string; readonly hint?: string }
  process.stderr.write(`${message}\n${hint ?? ''}\n`)
  process.exitCode = 1
}
