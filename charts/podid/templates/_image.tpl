{{/*
One image has all components. Values that name an image of AAD Pod Identity mean podid's: its folder, its
image names and its tags, which all begin with "v1."; podid's own tags have no "v".
*/}}
{{- define "podid.image" -}}
{{- $image := .root.Values.image -}}
{{- $folder := trimSuffix "/" $image.repository -}}
{{- $folder = ternary "" $folder (eq (base $folder) "aad-pod-identity") -}}
{{- $name := ternary "podid" .component.image (has .component.image (list "mic" "nmi")) -}}
{{- $tag := default $image.tag (ternary "" .component.tag (eq (include "podid.oldTag" .component.tag) "true")) -}}
{{- $path := ternary (printf "%s/%s" $folder $name) $name (ne $folder "") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $path $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $path (default .root.Chart.AppVersion $tag) -}}
{{- end -}}
{{- end -}}

{{- define "podid.oldTag" -}}
{{- regexMatch "^v1\\.[0-9]+(\\.[0-9]+)?$" (toString .) -}}
{{- end -}}

{{/* Node, its own flags for the component (src/cli/runtime-flags.ts), and the program. */}}
{{- define "podid.command.nmi" -}}
- node
- --max-semi-space-size=1
- --v8-pool-size=1
- --no-maglev
- --optimize-for-size
- --invocation-count-for-turbofan=20000
- /app/podid.js
{{- end -}}

{{- define "podid.command.mic" -}}
- node
- --max-semi-space-size=4
- /app/podid.js
{{- end -}}
