import { compact } from '@polkadot-api/substrate-bindings';
import { toHex } from './bytes.ts';
import type { Block } from './ledger.ts';
import type { Node } from './node.ts';
import { RpcFailure } from './pool.ts';
import { neurons, neuronsLite, selectiveMetagraph, subnetState, wholeMetagraph } from './views.ts';

/** Runs `state_call`: the method's name as `Api_method`, SCALE arguments in, SCALE result out. */
export function callRuntime(node: Node, method: string, data: Uint8Array, at?: Block): Uint8Array {
  const { runtime } = node;
  const state = at ? node.state.at(at) : node.state;
  const reply = (api: string, name: string, answer: (...args: never[]) => unknown): Uint8Array => {
    const { args, value } = runtime.builder.buildRuntimeCall(api, name);
    return value.enc(answer(...(args.dec(data) as never[])));
  };
  /** Neurons are typed, but for the runtimes in which their bytes are handed out as bytes. */
  const replyNeurons = (name: string, type: string, answer: (netuid: number, uid: number) => unknown) => {
    const { args } = runtime.builder.buildRuntimeCall('NeuronInfoRuntimeApi', name);
    const answered = answer(...(args.dec(data) as [number, number]));
    if (runtime.shape !== 'opaque') return runtime.codec(type).enc(answered);
    // One that is not there is no bytes, and no option.
    const inner = type.replace(/^Option<(.*)>$/, '$1');
    return opaque(answered === undefined ? new Uint8Array() : runtime.codec(inner).enc(answered));
  };
  switch (method) {
    case 'Core_version':
      return runtime.codec('RuntimeVersion').enc(runtime.version);
    case 'Metadata_metadata':
      return opaque(runtime.v14);
    case 'Metadata_metadata_versions':
      return reply('Metadata', 'metadata_versions', () => [14, 15]);
    case 'Metadata_metadata_at_version': {
      const version = new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(0, true);
      const bytes = version === 14 ? runtime.v14 : version === 15 ? runtime.v15 : null;
      return bytes ? Buffer.concat([Buffer.from([1]), opaque(bytes)]) : new Uint8Array([0]);
    }
    case 'AccountNonceApi_account_nonce':
      return reply(
        'AccountNonceApi',
        'account_nonce',
        (who: string) => state.get('System', 'Account', who).nonce,
      );
    case 'TransactionPaymentApi_query_info':
      return runtime.codec('RuntimeDispatchInfo').enc({
        weight: { ref_time: 100_000_000n, proof_size: 0n },
        class: { type: 'Normal', value: undefined },
        partial_fee: 0n,
      });
    case 'NeuronInfoRuntimeApi_get_neurons':
      return replyNeurons('get_neurons', 'Vec<NeuronInfo>', (netuid) => neurons(state, netuid));
    case 'NeuronInfoRuntimeApi_get_neuron':
      return replyNeurons('get_neuron', 'Option<NeuronInfo>', (netuid, uid) => neurons(state, netuid)[uid]);
    case 'NeuronInfoRuntimeApi_get_neurons_lite':
      return replyNeurons('get_neurons_lite', 'Vec<NeuronInfoLite>', (netuid) => neuronsLite(state, netuid));
    case 'NeuronInfoRuntimeApi_get_neuron_lite':
      return replyNeurons(
        'get_neuron_lite',
        'Option<NeuronInfoLite>',
        (netuid, uid) => neuronsLite(state, netuid)[uid],
      );
    case 'SubnetInfoRuntimeApi_get_subnet_state':
      return reply('SubnetInfoRuntimeApi', 'get_subnet_state', (netuid: number) =>
        subnetState(state, netuid),
      );
    case 'SubnetInfoRuntimeApi_get_metagraph':
      return reply('SubnetInfoRuntimeApi', 'get_metagraph', (netuid: number) =>
        wholeMetagraph(state, netuid),
      );
    case 'SubnetInfoRuntimeApi_get_selective_metagraph':
      return reply('SubnetInfoRuntimeApi', 'get_selective_metagraph', (netuid: number, indexes: number[]) =>
        selectiveMetagraph(state, netuid, 0, indexes),
      );
    case 'SubnetInfoRuntimeApi_get_selective_mechagraph':
      return reply(
        'SubnetInfoRuntimeApi',
        'get_selective_mechagraph',
        (netuid: number, mechanism: number, indexes: number[]) =>
          selectiveMetagraph(state, netuid, mechanism, indexes),
      );
    case 'SubnetRegistrationRuntimeApi_get_network_registration_cost':
      return reply('SubnetRegistrationRuntimeApi', 'get_network_registration_cost', () => NETWORK_COST);
    default:
      throw new RpcFailure(
        4003,
        `Client error: Execution failed: Exported method ${String(method).slice(0, 80)} is not found (${toHex(data).slice(0, 18)})`,
      );
  }
}

/** What a node's own `neuronInfo_…` methods answer: the bytes of the neurons, whatever the runtime wraps them in. */
export function neuronBytes(node: Node, method: string, numbers: number[], at?: Block): number[] {
  // Copied, here and below: the codecs read from the start of the memory behind the bytes.
  const data = Uint8Array.from(numbers.flatMap((number) => [number & 255, number >> 8]));
  const bytes = Uint8Array.from(callRuntime(node, `NeuronInfoRuntimeApi_${method}`, data, at));
  if (node.runtime.shape !== 'opaque') return [...bytes];
  return [...bytes.slice(compact.enc(compact.dec(bytes)).length)];
}

/** In rao, the least that the real runtime asks. Nobody registers a subnet here. */
const NETWORK_COST = 1_000_000_000_000n;

const opaque = (bytes: Uint8Array): Uint8Array => Buffer.concat([compact.enc(bytes.length), bytes]);
