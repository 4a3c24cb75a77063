// Light, dark, or as the system says.
import { useState } from "react";
import { Icon, type IconName } from "./icons";

type Theme = "system" | "light" | "dark";

const KEY = "seawall.theme";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICONS: Record<Theme, IconName> = { system: "system", light: "sun", dark: "moon" };

function read(): Theme {
  const theme = document.documentElement.dataset["theme"];
  return theme === "light" || theme === "dark" ? theme : "system";
}

function apply(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage is closed: the choice holds until the page is loaded again.
  }
}

export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(read);
  const next = NEXT[theme];
  return (
    <button
      type="button"
      className="button quiet"
      title={`Theme: ${theme}. Press for ${next}.`}
      aria-label={`Theme: ${theme}. Change to ${next}.`}
      onClick={() => {
        apply(next);
        setTheme(next);
      }}
    >
      <Icon name={ICONS[theme]} />
    </button>
  );
}
