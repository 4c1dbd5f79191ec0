import { Toggle } from '@cloudscape-design/components';
import { densities, type Preferences, preferences, themes, thumbnailSizes } from '@/lib/preferences';
import { settingsTexts } from '@/texts';
import { PillChoice } from '@/ui/pill-choice';
import { usePreferences } from '@/ui/use-preferences';

interface ChoiceProps<T extends string> {
  label: string;
  values: readonly T[];
  texts: Record<T, string>;
  value: T;
  onChange: (value: T) => void;
}

function Choice<T extends string>({ label, values, texts, value, onChange }: ChoiceProps<T>) {
  return (
    <div className="stack-tight">
      <strong aria-hidden="true">{label}</strong>
      <PillChoice
        label={label}
        value={value}
        options={values.map((id) => ({ id, text: texts[id] }))}
        onChange={onChange}
      />
    </div>
  );
}

const set = (change: Partial<Preferences>) => preferences.set(change);

export function AppearancePanel() {
  const { theme, density, thumbnails, sidecars } = usePreferences();
  return (
    <>
      <section className="card stack">
        <h2>{settingsTexts.appearance}</h2>
        <div className="settings-row">
          <Choice
            label={settingsTexts.theme}
            values={themes}
            texts={settingsTexts.themes}
            value={theme}
            onChange={(value) => set({ theme: value })}
          />
          <Choice
            label={settingsTexts.thumbnails}
            values={thumbnailSizes}
            texts={settingsTexts.thumbnailSizes}
            value={thumbnails}
            onChange={(value) => set({ thumbnails: value })}
          />
          <Choice
            label={settingsTexts.density}
            values={densities}
            texts={settingsTexts.densities}
            value={density}
            onChange={(value) => set({ density: value })}
          />
        </div>
      </section>
      <section className="card stack">
        <h2>{settingsTexts.bundles}</h2>
        <Toggle
          checked={sidecars}
          description={settingsTexts.sidecarsHint}
          onChange={({ detail }) => set({ sidecars: detail.checked })}
        >
          {settingsTexts.sidecars}
        </Toggle>
      </section>
    </>
  );
}
