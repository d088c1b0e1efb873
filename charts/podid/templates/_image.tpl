{{/*
The image's entry point knows what flags of Node each component needs; the chart names the component alone.
One image has all components. Values that name an image of AAD Pod Identity mean podid's: its folder, its
image names and its tags, which all begin with "v1."; podid's own tags have no "v".
*/}}
{{- define "podid.image" -}}
{{- $image := .root.Values.image -}}
{{- $folder := trimSuffix "/" $image.repository -}}
{{- $folder = ternary "localhost" $folder (has (base $folder) (list "." "aad-pod-identity")) -}}
{{- $name := ternary "podid" .component.image (has .component.image (list "mic" "nmi")) -}}
{{- $tag := default $image.tag (ternary "" .component.tag (eq (include "podid.oldTag" .component.tag) "true")) -}}
{{- $path := printf "%s/%s" $folder $name -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $path $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $path (default .root.Chart.AppVersion (include "podid.text" $tag)) -}}
{{- end -}}
{{- end -}}

{{- define "podid.oldTag" -}}
{{- regexMatch "^v1\\.[0-9]+(\\.[0-9]+)?$" (toString .) -}}
{{- end -}}
