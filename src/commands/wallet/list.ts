import { findHotkeys } from '../../chain/index.ts';
import { networkFlags, PtCommand, walletFlags } from '../../cli/base.ts';
import type { Printed } from '../../output/index.ts';
import { shellWord } from '../../text/shell-word.ts';

export default class WalletList extends PtCommand {
  static override summary = 'Hotkeys found on this machine';
  static override description =
    'Reads the public part of each hotkey file. Coldkeys are never opened, nothing secret is shown.';
  static override examples = [
    '<%= config.bin %> wallet list',
    '<%= config.bin %> wallet list --network sandbox',
  ];
  static override flags = {
    network: networkFlags.network,
    offline: networkFlags.offline,
    ...walletFlags,
  };

  async run(): Promise<Printed<'wallet:list'>> {
    const { flags } = await this.parse(WalletList);
    const { wallet, network } = await this.settings(flags);
    const { 'wallet-name': name, 'wallet-hotkey': hotkey } = flags;
    const hotkeys = (await findHotkeys(wallet.path)).filter(
      (file) => (name ?? file.wallet) === file.wallet && (hotkey ?? file.hotkey) === file.hotkey,
    );
    if (hotkeys.length === 0) {
      const asked = [name, hotkey].filter((part) => part !== undefined).join('/');
      this.note(`No hotkey ${asked === '' ? '' : `${asked} `}under ${wallet.path}.`);
      this.nextSteps([
        'btcli wallet create',
        'pt sandbox start --detach   # rehearse with a throwaway wallet',
      ]);
      return { path: wallet.path, hotkeys };
    }
    this.table(
      [
        { title: 'wallet' },
        { title: 'hotkey' },
        { title: 'address', narrow: 'under' },
        { title: 'key' },
        { title: 'encrypted' },
      ],
      hotkeys.map((file) => [
        file.wallet,
        file.hotkey,
        file.ss58 ?? 'unknown',
        file.cryptoType,
        file.encryption === 'none' ? 'no' : file.encryption,
      ]),
    );
    for (const { file, worldReadable, addressDiffers } of hotkeys) {
      if (addressDiffers)
        this.warning(`The address in ${file} is not that of its public key; it is not believed.`);
      if (worldReadable)
        this.warning(`Others on this machine can read ${file}: chmod 600 ${shellWord(file)}`);
    }
    const [first] = hotkeys;
    const place = network.kind === 'sandbox' ? ' --network sandbox' : '';
    this.nextSteps([
      `pt wallet show --wallet-name ${shellWord(first!.wallet)} --wallet-hotkey ${shellWord(first!.hotkey)}${place}`,
    ]);
    return { path: wallet.path, hotkeys };
  }
}
