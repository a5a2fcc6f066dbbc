import type { Environment } from '../config.ts'
import { appService } from './app-service.ts'
import { type ArcPlaces, azureArc } from './azure-arc.ts'
import { cloudShell } from './cloud-shell.ts'
import { imds } from './imds.ts'
import { machineLearning } from './machine-learning.ts'
import { serviceFabric } from './service-fabric.ts'
import type { Source } from './source.ts'

/**
 * Finds out on what kind of host this program runs, in the order of MSAL: each one's variables are a part of those of the
 * one before it.
 *
 * @throws ConfigurationError if a variable is there that cannot be used.
 */
export async function detectSource(environment: Environment, arc?: ArcPlaces): Promise<Source> {
  return (
    serviceFabric(environment) ??
    appService(environment) ??
    machineLearning(environment) ??
    cloudShell(environment) ??
    (await azureArc(environment, arc)) ??
    imds(environment)
  )
}
